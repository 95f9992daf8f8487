//! Instructions that note what they are about to observe, and look at the cancel flag.
//!
//! A hook notes before the instruction runs, whatever becomes of it: noting too much is allowed,
//! and an account that is not loaded in the end is not reported.

use super::{
    observed::Aspects,
    recorder::{Recorder, Stop},
    view::StateView,
};
use alloy_primitives::{Address, B256, U256};
use revm::{
    bytecode::opcode,
    context::ContextTr,
    context_interface::context::ContextError,
    handler::{MainnetContext, instructions::EthInstructions},
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult, InstructionResult,
        instructions::{contract, control, host},
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, Jumps, RuntimeFlag},
    },
    primitives::hardfork::SpecId,
};

type Ctx<V> = MainnetContext<Recorder<V>>;
type At<'a, V> = InstructionContext<'a, Ctx<V>, EthInterpreter>;

/// Puts the hooks into a table of instructions.
pub(super) fn install<V: StateView>(instructions: &mut EthInstructions<EthInterpreter, Ctx<V>>) {
    let table = instructions.instruction_table_mut();
    table[opcode::JUMP as usize] = Instruction::new(jump);
    table[opcode::JUMPI as usize] = Instruction::new(jumpi);
    table[opcode::SLOAD as usize] = Instruction::new(sload);
    table[opcode::BALANCE as usize] = Instruction::new(balance);
    table[opcode::SELFBALANCE as usize] = Instruction::new(self_balance);
    table[opcode::EXTCODESIZE as usize] = Instruction::new(ext_code_size);
    table[opcode::EXTCODECOPY as usize] = Instruction::new(ext_code_copy);
    table[opcode::EXTCODEHASH as usize] = Instruction::new(ext_code_hash);
    table[opcode::CALL as usize] = Instruction::new(call::<{ opcode::CALL }, V>);
    table[opcode::CALLCODE as usize] = Instruction::new(call::<{ opcode::CALLCODE }, V>);
    table[opcode::DELEGATECALL as usize] = Instruction::new(call::<{ opcode::DELEGATECALL }, V>);
    table[opcode::STATICCALL as usize] = Instruction::new(call::<{ opcode::STATICCALL }, V>);
    table[opcode::CREATE as usize] = Instruction::new(create::<false, V>);
    table[opcode::CREATE2 as usize] = Instruction::new(create::<true, V>);
    table[opcode::SELFDESTRUCT as usize] = Instruction::new(self_destruct);
}

/// Returns the word `depth` below the top of the stack; `None` if the stack is not that deep (the
/// instruction then fails by itself).
fn word<V: StateView>(at: &At<'_, V>, depth: usize) -> Option<U256> {
    at.interpreter.stack.data().iter().rev().nth(depth).copied()
}

fn address<V: StateView>(at: &At<'_, V>, depth: usize) -> Option<Address> {
    word(at, depth).map(|word| Address::from_word(B256::from(word)))
}

fn note<V: StateView>(at: &mut At<'_, V>, address: Option<Address>, aspects: Aspects) {
    if let Some(address) = address {
        at.host.db_mut().observations.note(address, aspects);
    }
}

fn note_self<V: StateView>(at: &mut At<'_, V>, aspects: Aspects) {
    let target = at.interpreter.input.target_address();
    note(at, Some(target), aspects);
}

const fn spent<V: StateView>(at: &At<'_, V>) -> u64 {
    at.interpreter.gas.limit().saturating_sub(at.interpreter.gas.remaining())
}

/// Ends the run. The stop goes into the context as well: the instruction's result alone would
/// panic.
fn end<V: StateView>(at: &mut At<'_, V>, stop: Stop) -> InstructionExecResult {
    at.host.error = Err(ContextError::Db(stop));
    Err(InstructionResult::FatalExternalError)
}

fn jump<V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let spent = spent(&at);
    if let Err(stop) = at.host.db_mut().check_jump(spent) {
        return end(&mut at, stop);
    }
    control::jump(at)
}

fn jumpi<V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let spent = spent(&at);
    if let Err(stop) = at.host.db_mut().check_jump(spent) {
        return end(&mut at, stop);
    }
    control::jumpi(at)
}

fn sload<V: StateView>(at: At<'_, V>) -> InstructionExecResult {
    let program_counter = at.interpreter.bytecode.pc();
    at.host.db_mut().guesses.stand_at(program_counter);
    host::sload(at)
}

fn balance<V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let target = address(&at, 0);
    note(&mut at, target, Aspects::BALANCE);
    host::balance(at)
}

fn self_balance<V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    note_self(&mut at, Aspects::BALANCE);
    host::selfbalance(at)
}

fn ext_code_size<V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let target = address(&at, 0);
    note(&mut at, target, Aspects::CODE_ONLY);
    host::extcodesize(at)
}

fn ext_code_copy<V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let target = address(&at, 0);
    note(&mut at, target, Aspects::CODE_ONLY);
    host::extcodecopy(at)
}

fn ext_code_hash<V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let target = address(&at, 0);
    note(&mut at, target, Aspects::EXISTENCE);
    host::extcodehash(at)
}

fn call<const KIND: u8, V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let spent = spent(&at);
    if let Err(stop) = at.host.db_mut().check(spent) {
        return end(&mut at, stop);
    }
    let value = match KIND {
        opcode::CALL | opcode::CALLCODE => word(&at, 2).unwrap_or_default(),
        _ => U256::ZERO,
    };
    let carries_value = !value.is_zero();
    at.host.db_mut().observations.note_amount(&value);
    let spec = at.interpreter.runtime_flag.spec_id();
    // Before Spurious Dragon every call is charged by the target's existence.
    let by_existence = carries_value || !spec.is_enabled_in(SpecId::SPURIOUS_DRAGON);
    let target = address(&at, 1);
    note(&mut at, target, if by_existence { Aspects::EXISTENCE } else { Aspects::CODE_ONLY });
    if carries_value {
        // The payer's balance is observed also when the transfer fails.
        note_self(&mut at, Aspects::BALANCE);
    }
    contract::call::<KIND, _, _>(at)
}

fn create<const IS_CREATE2: bool, V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let spent = spent(&at);
    if let Err(stop) = at.host.db_mut().check(spent) {
        return end(&mut at, stop);
    }
    at.host.db_mut().observations.created = true;
    let value = word(&at, 0).unwrap_or_default();
    at.host.db_mut().observations.note_amount(&value);
    note_self(&mut at, if value.is_zero() { Aspects::CODE_ONLY } else { Aspects::BALANCE });
    contract::create::<IS_CREATE2, _, _>(at)
}

fn self_destruct<V: StateView>(mut at: At<'_, V>) -> InstructionExecResult {
    let heir = address(&at, 0);
    note(&mut at, heir, Aspects::EXISTENCE);
    note_self(&mut at, Aspects::BALANCE.and(Aspects::EXISTENCE));
    host::selfdestruct(at)
}
