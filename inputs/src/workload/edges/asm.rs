//! A small assembler: contracts of the edge cases are written with it, a method a thing to do.

use alloy_primitives::{Address, Bytes};

/// Instructions that the cases use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Op {
    Stop = 0x00,
    Add = 0x01,
    Sub = 0x03,
    Lt = 0x10,
    IsZero = 0x15,
    Balance = 0x31,
    CallValue = 0x34,
    CallDataLoad = 0x35,
    CallDataSize = 0x36,
    CodeCopy = 0x39,
    ExtCodeSize = 0x3b,
    ExtCodeHash = 0x3f,
    BlockHash = 0x40,
    Coinbase = 0x41,
    Number = 0x43,
    MStore = 0x52,
    SLoad = 0x54,
    SStore = 0x55,
    Jump = 0x56,
    JumpI = 0x57,
    Gas = 0x5a,
    JumpDest = 0x5b,
    Dup1 = 0x80,
    Log1 = 0xa1,
    Create = 0xf0,
    Call = 0xf1,
    Return = 0xf3,
    DelegateCall = 0xf4,
    Create2 = 0xf5,
    Invalid = 0xfe,
    SelfDestruct = 0xff,
}

const PUSH1: u8 = 0x60;
const PUSH2: u8 = 0x61;
const PUSH20: u8 = 0x73;
const PUSH32: u8 = 0x7f;
const WORD_BYTES: usize = 32;
const CALL_GAS: u64 = 150_000;

/// A word that code can put on the stack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arg {
    /// A number.
    Word(u64),
    /// An address.
    At(Address),
    /// A word of the call data, counted in words.
    Input(u64),
    /// A storage slot's value.
    Slot(u64),
    /// What an instruction without arguments gives.
    Of(Op),
}

/// A place in code that jumps name before or after it is put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(usize);

/// Code while it is written.
#[derive(Clone, Debug)]
pub(super) struct Asm {
    code: Vec<u8>,
    /// Where each label lies, once it is put.
    places: Vec<Option<usize>>,
    /// Two-byte holes to fill with a label's place.
    holes: Vec<(usize, usize)>,
    /// Gas that calls pass on. Before EIP-150 a call for more than is left fails.
    call_gas: u64,
}

impl Asm {
    pub(super) const fn new() -> Self {
        Self { code: Vec::new(), places: Vec::new(), holes: Vec::new(), call_gas: CALL_GAS }
    }

    /// Says how much gas the calls that follow pass on.
    pub(super) const fn passing(mut self, gas: u64) -> Self {
        self.call_gas = gas;
        self
    }

    /// Appends instructions.
    pub(super) fn ops<const N: usize>(mut self, ops: [Op; N]) -> Self {
        self.code.extend(ops.map(|op| op as u8));
        self
    }

    /// Puts a word on the stack.
    pub(super) fn push(mut self, arg: Arg) -> Self {
        match arg {
            Arg::Word(word) => self.push_bytes(&word.to_be_bytes()),
            Arg::At(address) => {
                self.code.push(PUSH20);
                self.code.extend_from_slice(address.as_slice());
            }
            Arg::Input(word) => {
                return self.push(Arg::Word(word * WORD_BYTES as u64)).ops([Op::CallDataLoad]);
            }
            Arg::Slot(slot) => return self.push(Arg::Word(slot)).ops([Op::SLoad]),
            Arg::Of(op) => self.code.push(op as u8),
        }
        self
    }

    /// Appends a PUSH of the bytes that count; of one zero if none does.
    fn push_bytes(&mut self, bytes: &[u8]) {
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
        let bytes = &bytes[first..];
        self.code.push(PUSH1 - 1 + u8::try_from(bytes.len()).expect("at most 32 bytes"));
        self.code.extend_from_slice(bytes);
    }

    /// Stores what is on top of the stack.
    pub(super) fn store(self, slot: u64) -> Self {
        self.push(Arg::Word(slot)).ops([Op::SStore])
    }

    /// Stores a word.
    pub(super) fn set(self, slot: u64, value: Arg) -> Self {
        self.push(value).store(slot)
    }

    /// Adds one to a slot.
    pub(super) fn count_up(self, slot: u64) -> Self {
        self.push(Arg::Word(1)).push(Arg::Slot(slot)).ops([Op::Add]).store(slot)
    }

    /// Logs what is on top of the stack, so that receipts tell it.
    pub(super) fn log(self) -> Self {
        self.push(Arg::Word(0)).push(Arg::Word(0)).ops([Op::Log1])
    }

    /// Logs a word.
    pub(super) fn tell(self, arg: Arg) -> Self {
        self.push(arg).log()
    }

    /// Calls with value and no data; leaves on the stack whether it went well.
    pub(super) fn call(self, target: Arg, value: Arg) -> Self {
        self.no_data().push(value).push(target).with_gas(Op::Call)
    }

    /// Calls with value and one word of data; leaves on the stack whether it went well.
    pub(super) fn call_with(self, target: Arg, value: Arg, data: Arg) -> Self {
        self.one_word(data).push(value).push(target).with_gas(Op::Call)
    }

    /// Runs another account's code as one's own, with one word of data; leaves on the stack
    /// whether it went well.
    pub(super) fn run_code_of(self, target: Arg, data: Arg) -> Self {
        self.one_word(data).push(target).with_gas(Op::DelegateCall)
    }

    fn with_gas(self, call: Op) -> Self {
        let gas = self.call_gas;
        self.push(Arg::Word(gas)).ops([call])
    }

    fn one_word(self, data: Arg) -> Self {
        let data_at_0 = self.push(data).push(Arg::Word(0)).ops([Op::MStore]);
        let returns_nothing = data_at_0.push(Arg::Word(0)).push(Arg::Word(0));
        returns_nothing.push(Arg::Word(WORD_BYTES as u64)).push(Arg::Word(0))
    }

    fn no_data(self) -> Self {
        (0..4).fold(self, |asm, _| asm.push(Arg::Word(0)))
    }

    /// Creates a contract; leaves its address on the stack, or zero.
    pub(super) fn create(self, init: &[u8], value: Arg) -> Self {
        self.in_memory(init).length_and_start(init).push(value).ops([Op::Create])
    }

    /// Creates a contract at an address that init code and salt decide; leaves it on the stack.
    pub(super) fn create2(self, init: &[u8], value: Arg, salt: Arg) -> Self {
        let with_salt = self.in_memory(init).push(salt);
        with_salt.length_and_start(init).push(value).ops([Op::Create2])
    }

    fn length_and_start(self, bytes: &[u8]) -> Self {
        self.push(Arg::Word(bytes.len() as u64)).push(Arg::Word(0))
    }

    fn in_memory(mut self, bytes: &[u8]) -> Self {
        for (word, at) in bytes.chunks(WORD_BYTES).zip(0_u64..) {
            let mut padded = [0; WORD_BYTES];
            padded[..word.len()].copy_from_slice(word);
            self.code.push(PUSH32);
            self.code.extend_from_slice(&padded);
            self = self.push(Arg::Word(at * WORD_BYTES as u64)).ops([Op::MStore]);
        }
        self
    }

    /// Destroys the account in favour of an heir.
    pub(super) fn destroy(self, heir: Arg) -> Self {
        self.push(heir).ops([Op::SelfDestruct])
    }

    /// Undoes everything: REVERT came with Byzantium, INVALID ends any fork's run.
    pub(super) fn fail(self) -> Self {
        self.ops([Op::Invalid])
    }

    /// Makes a label to be put later.
    pub(super) fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// Puts a label here.
    pub(super) fn put(mut self, label: Label) -> Self {
        self.places[label.0] = Some(self.code.len());
        self.ops([Op::JumpDest])
    }

    /// Goes on at a label.
    pub(super) fn jump(self, label: Label) -> Self {
        self.push_label(label).ops([Op::Jump])
    }

    /// Goes on at a label unless zero is on top of the stack.
    pub(super) fn jump_if(self, label: Label) -> Self {
        self.push_label(label).ops([Op::JumpI])
    }

    fn push_label(mut self, label: Label) -> Self {
        self.code.push(PUSH2);
        self.holes.push((self.code.len(), label.0));
        self.code.extend([0, 0]);
        self
    }

    /// Does something only if the word is not zero.
    pub(super) fn when(mut self, condition: Arg, then: impl FnOnce(Self) -> Self) -> Self {
        let after = self.label();
        let skipping = self.push(condition).ops([Op::IsZero]).jump_if(after);
        then(skipping).put(after)
    }

    /// Returns the code.
    pub(super) fn bytes(mut self) -> Bytes {
        for (hole, label) in std::mem::take(&mut self.holes) {
            let place = self.places[label].expect("every label is put");
            let place = u16::try_from(place).expect("code is shorter than 64 KiB");
            self.code[hole..hole + 2].copy_from_slice(&place.to_be_bytes());
        }
        self.code.into()
    }

    /// Returns init code: what is written so far, and then a contract with the code given.
    pub(super) fn deploying(mut self, runtime: &[u8]) -> Bytes {
        let start = self.label();
        let length = Arg::Word(runtime.len() as u64);
        let copied = self.push(length).push_label(start).push(Arg::Word(0)).ops([Op::CodeCopy]);
        let mut init = copied.push(length).push(Arg::Word(0)).ops([Op::Return]);
        init.places[start.0] = Some(init.code.len());
        init.code.extend_from_slice(runtime);
        init.bytes()
    }
}

/// Returns init code of a contract.
pub(super) fn init_code(runtime: &[u8]) -> Bytes {
    Asm::new().deploying(runtime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    #[test]
    fn words_are_pushed_in_as_few_bytes_as_they_have() {
        let code = Asm::new()
            .push(Arg::Word(0))
            .push(Arg::Word(0xff))
            .push(Arg::Word(0x1_00))
            .push(Arg::Word(u64::MAX))
            .push(Arg::At(Address::repeat_byte(0x11)));
        let expected = format!("600060ff61010067{}73{}", "ff".repeat(8), "11".repeat(20));
        assert_eq!(hex::encode(code.bytes()), expected);
    }

    #[test]
    fn jumps_name_places_before_and_after_them() {
        let mut asm = Asm::new();
        let (back, ahead) = (asm.label(), asm.label());
        let code = asm.put(back).push(Arg::Word(1)).jump_if(ahead).jump(back).put(ahead).bytes();
        assert_eq!(hex::encode(code), "5b600161000b576100 00565b".replace(' ', ""));
    }

    #[test]
    fn init_code_returns_the_code_that_follows_it() {
        let init = Asm::new().set(1, Arg::Word(7)).deploying(&[0x5b, 0x00]);
        assert_eq!(hex::encode(&init), "6007600155600261001260003960026000f35b00");
    }
}
