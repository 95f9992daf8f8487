//! Each case, in each fork that has it, does what its name says.

use super::{
    Case, Fork, View, accounts as a, creations as c, delegations as d, destructions as x,
    runs as r, view::play,
};

/// Seeds of which one has to show a case.
const N_SEEDS: u64 = 3;

/// Tells whether a scene did what its case is there for.
fn happened(case: Case, view: &View<'_>) -> bool {
    match case {
        Case::DestroyAndRevive => x::destroy_and_revive(view),
        Case::ReviveOverOldSlots => x::revive_over_old_slots(view),
        Case::ReviveTooEarly => x::revive_too_early(view),
        Case::Transient => x::transient(view, "child"),
        Case::DestroyToItself => x::destroyed_to(view, "victim"),
        Case::DestroyToBeneficiary => x::destroyed_to_beneficiary(view),
        Case::DestroyToAbsent => x::destroyed_to_absent(view),
        Case::DestroyWithNothing => x::destroyed_with_nothing(view),
        Case::DestroyTwiceInOne => x::destroyed_twice_in_one(view),
        Case::DestroyByLibrary => x::destroyed_by_library(view),
        Case::DestroyAndFail => x::destroyed_and_failed(view),
        Case::CreditsToAbsent => a::credits_to_absent(view),
        Case::CreditsToEmpty => a::credits_to_empty(view),
        Case::CreditThenCode => a::credit_then_code(view),
        Case::CreditThenDelegation => a::credit_then_delegation(view),
        Case::SelfTransfer => a::self_transfer(view),
        Case::BeneficiarySends => a::beneficiary_sends(view),
        Case::BeneficiaryIsDestroyed => x::beneficiary_is_destroyed(view),
        Case::BeneficiaryIsTransient => {
            view.beneficiary() == view.of("child") && x::transient(view, "child")
        }
        Case::ZeroFees => a::zero_fees(view, false),
        Case::ZeroFeesToEmpty => a::zero_fees(view, true),
        Case::CuredByTransfer | Case::CuredByCall | Case::CuredByDestruction => a::cured(view),
        Case::CuredByFees => a::cured(view) && view.beneficiary() == view.of("poor"),
        Case::CuredByWithdrawal => a::cured_by_withdrawal(view),
        Case::CuredOfCode => a::cured_of_code(view),
        Case::OverflowByFees => a::overflow_by_fees(view),
        Case::OverflowByTransfer => a::overflow_by_transfer(view),
        Case::OverflowTogether => a::overflow_together(view),
        Case::OverflowByWithdrawal => a::overflow_by_withdrawal(view),
        Case::CreatorNonces => c::creator_nonces(view),
        Case::FailedCreation => c::failed_creation(view),
        Case::CreateCollision => c::create_collision(view),
        Case::Create2Collision => c::create2_collision(view),
        Case::DelegateAndClear => d::set_and_cleared(view),
        Case::Redelegate => d::n_delegations(view) >= 4,
        Case::SelfAuthorise => d::by_oneself(view),
        Case::DelegateToOdd => d::n_delegations(view) >= 4 && d::to_odd(view),
        Case::DelegateToComing => d::to_coming(view),
        Case::DelegatedCreates => d::creates(view),
        Case::DelegatedSends => d::sends(view),
        Case::DelegatedDestroys => d::destroys(view),
        Case::ManyGrantsOfOne => d::many_of_one(view),
        Case::BadGrants => d::bad(view),
        Case::AbsentAuthority => d::absent(view),
        Case::AuthorityIsRecipient => d::is_recipient(view),
        Case::AuthorityIsBeneficiary => d::is_beneficiary(view),
        Case::BlockHashes => r::block_hashes(view),
        Case::DeployAndCall => c::deploy_and_call(view),
        Case::AppearAndVanish => a::appear_and_vanish(view),
        Case::InitReadsSlots => c::init_reads_slots(view),
        Case::EndlessLoop => r::endless_loop(view),
        Case::LoopBetweenSlots => r::loop_between_slots(view),
        Case::HugeGas => r::huge_gas(view),
        Case::FailedWrites => r::failed_writes(view),
        Case::PayToFailing => r::pay_to_failing(view),
        Case::InnerFailure => r::inner_failure(view),
        Case::OutOfGas => r::out_of_gas(view),
        Case::Precompiles => r::precompiles(view),
    }
}

#[test]
fn every_case_happens_in_every_fork_that_has_it() {
    let mut missing = Vec::new();
    for case in Case::ALL {
        for fork in Fork::ALL.into_iter().filter(|fork| case.forks().contains(fork)) {
            let mut has_happened = false;
            for seed in 0..N_SEEDS {
                if !has_happened {
                    play(case, fork, seed, &mut |view| has_happened |= happened(case, view));
                }
            }
            if !has_happened {
                missing.push(format!("{} in {}", case.name(), fork.name()));
            }
        }
    }
    assert!(missing.is_empty(), "never happened: {missing:#?}");
}
