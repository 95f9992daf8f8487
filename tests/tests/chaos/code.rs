//! Random contract code: short, loopless, and curious.

use alloy_primitives::{Address, B256, keccak256};
use engine::model::Numbers;
use revm::bytecode::opcode::{
    ADD, BALANCE, BLOCKHASH, CALL, CALLER, CALLVALUE, COINBASE, CREATE2, DELEGATECALL, EXTCODEHASH,
    EXTCODESIZE, GAS, JUMPDEST, JUMPI, MSTORE, POP, PUSH1, PUSH2, PUSH20, REVERT, SELFBALANCE,
    SELFDESTRUCT, SLOAD, SSTORE, STATICCALL, STOP,
};

/// Slots that contracts use.
pub(super) const SLOTS: u64 = 3;
/// Salts of contracts that contracts create.
const SALTS: u64 = 2;
/// What a created contract does: it destroys itself in favour of its caller.
const CHILD: [u8; 2] = [CALLER, SELFDESTRUCT];

/// Writes code that stores what it finds.
pub(super) struct Writer<'a> {
    numbers: &'a mut Numbers,
    addresses: &'a [Address],
    code: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) const fn new(numbers: &'a mut Numbers, addresses: &'a [Address]) -> Self {
        Self { numbers, addresses, code: Vec::new() }
    }

    pub(super) fn contract(mut self) -> Vec<u8> {
        for _ in 0..1 + self.numbers.below(5) {
            self.snippet();
        }
        match self.numbers.below(8) {
            0 => {
                self.push_address();
                self.code.push(SELFDESTRUCT);
            }
            1 => self.code.extend([PUSH1, 0, PUSH1, 0, REVERT]),
            _ => self.code.push(STOP),
        }
        self.code
    }

    fn snippet(&mut self) {
        match self.numbers.below(16) {
            0..3 => self.count_up(),
            3 => self.keep(&[BALANCE], true),
            4 => self.keep(&[EXTCODEHASH], true),
            5 => self.keep(&[EXTCODESIZE], true),
            6 => self.keep(&[SELFBALANCE], false),
            7 => self.keep(&[COINBASE, BALANCE], false),
            8 => self.keep(&[PUSH1, 0, BLOCKHASH], false),
            9..12 => self.call(CALL, true),
            12 => self.call(STATICCALL, false),
            13 => self.call(DELEGATECALL, false),
            14 => self.create(),
            _ => self.skip_next_if_slot_is_odd(),
        }
    }

    fn small(&mut self, bound: u64) -> u8 {
        u8::try_from(self.numbers.below(bound)).unwrap()
    }

    fn push_address(&mut self) {
        let at = usize::try_from(self.numbers.below(self.addresses.len() as u64)).unwrap();
        self.code.push(PUSH20);
        self.code.extend_from_slice(self.addresses[at].as_slice());
    }

    /// slot += 1
    fn count_up(&mut self) {
        let slot = self.small(SLOTS);
        self.code.extend([PUSH1, slot, SLOAD, PUSH1, 1, ADD, PUSH1, slot, SSTORE]);
    }

    /// slot = what the instruction says, of an address if it wants one
    fn keep(&mut self, instruction: &[u8], wants_address: bool) {
        if wants_address {
            self.push_address();
        }
        self.code.extend_from_slice(instruction);
        let slot = self.small(SLOTS);
        self.code.extend([PUSH1, slot, SSTORE]);
    }

    fn call(&mut self, kind: u8, may_carry_value: bool) {
        self.code.extend([PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0]);
        if may_carry_value {
            let value = if self.numbers.percent(50) { 0 } else { self.small(4) };
            self.code.extend([PUSH1, value]);
        }
        self.push_address();
        if self.numbers.percent(70) {
            self.code.extend([PUSH2, 0x60, 0x00]);
        } else {
            self.code.push(GAS);
        }
        let slot = self.small(SLOTS);
        self.code.extend([kind, PUSH1, slot, SSTORE]);
    }

    fn create(&mut self) {
        let init = child_init_code();
        let (salt, value) = (self.small(SALTS), self.small(2));
        // The init code as the first word of memory, left-aligned.
        let mut word = [0; 32];
        word[..init.len()].copy_from_slice(&init);
        self.code.push(PUSH1 + 31);
        self.code.extend_from_slice(&word);
        let length = u8::try_from(init.len()).unwrap();
        self.code.extend([PUSH1, 0, MSTORE]);
        self.code.extend([PUSH1, salt, PUSH1, length, PUSH1, 0, PUSH1, value, CREATE2, POP]);
    }

    fn skip_next_if_slot_is_odd(&mut self) {
        let slot = self.small(SLOTS);
        let start = self.code.len();
        // PUSH1 slot SLOAD CALLVALUE ADD PUSH2 target JUMPI, then count_up, then the target.
        let target = u16::try_from(start + 9 + 9).unwrap().to_be_bytes();
        self.code.extend([PUSH1, slot, SLOAD, CALLVALUE, ADD, PUSH2, target[0], target[1], JUMPI]);
        self.count_up();
        self.code.push(JUMPDEST);
    }
}

/// Init code that returns [`CHILD`].
pub(super) fn child_init_code() -> Vec<u8> {
    vec![PUSH2, CHILD[0], CHILD[1], PUSH1, 0, MSTORE, PUSH1, 2, PUSH1, 30, 0xf3]
}

/// Addresses at which a contract may create children.
pub(super) fn children_of(contract: Address) -> Vec<Address> {
    let hash = keccak256(child_init_code());
    (0..SALTS)
        .map(|salt| contract.create2(B256::from(alloy_primitives::U256::from(salt)), hash))
        .collect()
}
