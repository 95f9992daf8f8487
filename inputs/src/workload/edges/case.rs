//! The cases by name, with the forks that have them.

use super::{cases, stage::Stage};
use crate::workload::fork::Fork;
use std::ops::RangeInclusive;

/// Declares the cases: what each is, its name in a workload's text, its forks, and who plays it.
macro_rules! cases {
    ($($(#[doc = $doc:literal])+ $case:ident = $name:literal, $first:ident ..= $last:ident, $subject:ident::$play:ident;)+) => {
        /// One thing that can go wrong when a block is executed in parallel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Case {
            $($(#[doc = $doc])+ $case,)+
        }

        impl Case {
            /// All of them, by subject.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$case),+];

            /// Its name in a workload's text.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$case => $name,)+
                }
            }

            /// The forks that have it.
            pub const fn forks(self) -> RangeInclusive<Fork> {
                match self {
                    $(Self::$case => Fork::$first..=Fork::$last,)+
                }
            }

            pub(super) fn play(self, stage: &mut Stage<'_>) {
                match self {
                    $(Self::$case => cases::$subject::$play(stage),)+
                }
            }
        }
    };
}

cases! {
    /// A contract is created, used, destroyed, created again at the same place, and so on.
    DestroyAndRevive = "destroy-and-revive", Petersburg..=Shanghai, revive::destroy_and_revive;
    /// A contract of genesis with slots is destroyed and created again: its slots are zero.
    ReviveOverOldSlots = "revive-over-old-slots", Petersburg..=Shanghai, revive::revive_over_old_slots;
    /// One transaction destroys a contract and tries to create it again, which is too early.
    ReviveTooEarly = "revive-too-early", Petersburg..=Shanghai, revive::revive_too_early;
    /// A contract is created and destroyed by one transaction, several times, paid in between.
    Transient = "transient", Petersburg..=Osaka, revive::transient;

    /// A contract destroys itself in favour of itself.
    DestroyToItself = "destroy-to-itself", Frontier..=Osaka, destroy::to_itself;
    /// A contract destroys itself in favour of the beneficiary.
    DestroyToBeneficiary = "destroy-to-beneficiary", Frontier..=Osaka, destroy::to_beneficiary;
    /// A contract destroys itself in favour of somebody who does not exist.
    DestroyToAbsent = "destroy-to-absent", Frontier..=Osaka, destroy::to_absent;
    /// A contract without balance destroys itself in favour of somebody absent, and of an empty one.
    DestroyWithNothing = "destroy-with-nothing", Frontier..=Osaka, destroy::with_nothing;
    /// A contract is destroyed, paid and destroyed again by one transaction.
    DestroyTwiceInOne = "destroy-twice-in-one", Frontier..=Osaka, destroy::twice_in_one;
    /// Code of another account destroys the contract that runs it.
    DestroyByLibrary = "destroy-by-library", Homestead..=Osaka, destroy::by_library;
    /// A destruction in a frame that fails did not happen.
    DestroyAndFail = "destroy-and-fail", Frontier..=Osaka, destroy::and_fail;

    /// Transfers, zero and more, and withdrawals to accounts that do not exist.
    CreditsToAbsent = "credits-to-absent", Frontier..=Osaka, credits::to_absent;
    /// The same to accounts of genesis that are empty.
    CreditsToEmpty = "credits-to-empty", Frontier..=Osaka, credits::to_empty;
    /// Transfers, fees and a withdrawal to an account that gets code in between.
    CreditThenCode = "credit-then-code", Frontier..=Osaka, credits::then_code;
    /// Transfers, fees and a withdrawal to an account that gets a delegation in between.
    CreditThenDelegation = "credit-then-delegation", Prague..=Osaka, credits::then_delegation;
    /// Sender and recipient are one.
    SelfTransfer = "self-transfer", Frontier..=Osaka, credits::self_transfer;

    /// The beneficiary sends, receives, is looked at, and pays itself.
    BeneficiarySends = "beneficiary-sends", Frontier..=Osaka, beneficiary::sends;
    /// The beneficiary is a contract that is destroyed in the block.
    BeneficiaryIsDestroyed = "beneficiary-is-destroyed", Frontier..=Osaka, beneficiary::is_destroyed;
    /// The beneficiary is a contract that is created and destroyed by one transaction.
    BeneficiaryIsTransient = "beneficiary-is-transient", Petersburg..=Osaka, beneficiary::is_transient;
    /// An absent beneficiary gets fees of zero, then one of more.
    ZeroFees = "zero-fees", Frontier..=Osaka, beneficiary::zero_fees;
    /// An empty beneficiary of genesis gets fees of zero.
    ZeroFeesToEmpty = "zero-fees-to-empty", Frontier..=Osaka, beneficiary::zero_fees_to_empty;

    /// A sender could not pay without the transfer before.
    CuredByTransfer = "cured-by-transfer", Frontier..=Osaka, cured::by_transfer;
    /// A sender could not pay without the fees that it got as beneficiary.
    CuredByFees = "cured-by-fees", Frontier..=Osaka, cured::by_fees;
    /// A sender could not pay without what a contract sent it.
    CuredByCall = "cured-by-call", Frontier..=Osaka, cured::by_call;
    /// A sender could not pay without what a destroyed contract left it.
    CuredByDestruction = "cured-by-destruction", Frontier..=Osaka, cured::by_destruction;
    /// A sender could not pay without the withdrawal of the block before.
    CuredByWithdrawal = "cured-by-withdrawal", Shanghai..=Osaka, cured::by_withdrawal;
    /// A sender had code until a transaction before destroyed it (EIP-3607).
    CuredOfCode = "cured-of-code", Frontier..=Shanghai, cured::of_code;

    /// Fees that do not fit into the beneficiary's balance.
    OverflowByFees = "overflow-by-fees", Frontier..=Osaka, overflow::by_fees;
    /// Transfers that do not fit into the recipient's balance.
    OverflowByTransfer = "overflow-by-transfer", Frontier..=Osaka, overflow::by_transfer;
    /// Payments that each fit into the recipient's balance of before, and together do not.
    OverflowTogether = "overflow-together", Frontier..=Osaka, overflow::together;
    /// Withdrawals that do not fit into the balance.
    OverflowByWithdrawal = "overflow-by-withdrawal", Shanghai..=Osaka, overflow::by_withdrawal;

    /// A contract creates, fails to create, and has too little to create: which nonces count.
    CreatorNonces = "creator-nonces", Frontier..=Osaka, nonces::of_creators;
    /// Transactions that create fail and use up a nonce each.
    FailedCreation = "failed-creation", Frontier..=Osaka, nonces::failed_creation;
    /// Creation where a contract is already, by a transaction.
    CreateCollision = "create-collision", Frontier..=Osaka, nonces::create_collision;
    /// Creation where a contract is already, by CREATE2.
    Create2Collision = "create2-collision", Petersburg..=Osaka, nonces::create2_collision;

    /// Delegation set, used, cleared and used.
    DelegateAndClear = "delegate-and-clear", Prague..=Osaka, delegation::and_clear;
    /// Delegation to one, another and the first again.
    Redelegate = "redelegate", Prague..=Osaka, delegation::again;
    /// The sender authorises itself, which counts its nonce twice.
    SelfAuthorise = "self-authorise", Prague..=Osaka, delegation::by_oneself;
    /// Delegation to a precompile, to nobody, to oneself, and to an account that is delegated.
    DelegateToOdd = "delegate-to-odd", Prague..=Osaka, delegation::to_odd;
    /// Delegation to an address that gets its code later in the block.
    DelegateToComing = "delegate-to-coming", Prague..=Osaka, delegation::to_coming;
    /// A delegated account creates contracts, which counts its nonce.
    DelegatedCreates = "delegated-creates", Prague..=Osaka, delegated::creates;
    /// A delegated account sends transactions, to itself too.
    DelegatedSends = "delegated-sends", Prague..=Osaka, delegated::sends;
    /// A delegated account runs SELFDESTRUCT.
    DelegatedDestroys = "delegated-destroys", Prague..=Osaka, delegated::destroys;
    /// Several authorisations of one authority in one transaction.
    ManyGrantsOfOne = "many-grants-of-one", Prague..=Osaka, grants::many_of_one;
    /// Authorisations that do not hold, beside one that does.
    BadGrants = "bad-grants", Prague..=Osaka, grants::bad;
    /// An absent authority, which begins to exist by its authorisation, even by a cleared one.
    AbsentAuthority = "absent-authority", Prague..=Osaka, grants::absent_authority;
    /// Authority and recipient are one.
    AuthorityIsRecipient = "authority-is-recipient", Prague..=Osaka, grants::authority_is_recipient;
    /// Authority and beneficiary are one.
    AuthorityIsBeneficiary = "authority-is-beneficiary", Prague..=Osaka, grants::authority_is_beneficiary;

    /// BLOCKHASH of blocks that are known, unknown, too old, this one and to come.
    BlockHashes = "block-hashes", Frontier..=Osaka, lookups::block_hashes;
    /// An address is called before it has code, gets it, and is called.
    DeployAndCall = "deploy-and-call", Frontier..=Osaka, lookups::deploy_and_call;
    /// Balance, code size and code hash of accounts that appear and vanish.
    AppearAndVanish = "appear-and-vanish", Frontier..=Osaka, lookups::appear_and_vanish;
    /// Init code reads slots of the account that does not exist yet.
    InitReadsSlots = "init-reads-slots", Frontier..=Osaka, lookups::init_reads_slots;

    /// A loop ends only because of what the transaction before stored.
    EndlessLoop = "endless-loop", Frontier..=Osaka, loops::endless;
    /// A loop from one slot to another ends only if both are of one moment.
    LoopBetweenSlots = "loop-between-slots", Frontier..=Osaka, loops::between_slots;
    /// Gas limits of 2^52, and code that stores the gas left.
    HugeGas = "huge-gas", Frontier..=Prague, loops::huge_gas;

    /// Execution writes, pays, creates and fails: nothing of it stays.
    FailedWrites = "failed-writes", Frontier..=Osaka, failures::writes;
    /// Transfers to a contract that does not take them.
    PayToFailing = "pay-to-failing", Frontier..=Osaka, failures::pay_to_failing;
    /// A frame fails and its caller goes on.
    InnerFailure = "inner-failure", Frontier..=Osaka, failures::inner;
    /// Gas ends in the middle of writing.
    OutOfGas = "out-of-gas", Frontier..=Osaka, failures::out_of_gas;
    /// Precompiles that do not exist as accounts are paid and touched, also by a frame that fails.
    Precompiles = "precompiles", Frontier..=Osaka, failures::precompiles;
}

impl Case {
    /// The case of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.name() == name)
    }
}
