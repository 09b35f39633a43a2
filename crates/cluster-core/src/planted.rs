//! Bugs on purpose, to prove that the simulator finds them. Nothing of this is in the
//! daemon: only a simulator built with the feature `planted-bugs` can switch one on.
//!
//! Two mistakes are not here, because other rules make up for them:
//! - *A node starts without a lease.* A start that is carried out has `not_after`, the end of
//!   the lease, and whoever carries it out reads the clock right before; without a lease that
//!   is the beginning of time. Starts that still wait are called off when the lease ends.
//! - *A newer start of a machine is believed on an old packet.* Whoever is admitted has run
//!   nothing that anybody knows of: nothing starts elsewhere before it was looked at, or is
//!   given up; promises are kept to a node, whatever its incarnation; and what could not be
//!   stopped, its node knows by its own disk. It costs an admission and a look.

/// A mistake that somebody could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// A restarted voter agrees to takeovers at once.
    PromiseForgotten,
    /// A lease counts from when the echo came, not from when it was asked for.
    LeaseFromReceipt,
    /// The watchdog is armed only after the first start.
    WatchdogLate,
    /// The watchdog is petted whether there is a lease or not.
    WatchdogAlwaysPetted,
    /// A voter keeps its agreement in memory only.
    AgreementNotKept,
    /// A voter renews leases after it agreed to a takeover.
    EchoAfterAgreement,
    /// A takeover needs nobody's agreement.
    TakeoverUnasked,
    /// A stop that ran out of time counts as stopped.
    StopTimeoutTrusted,
    /// A node keeps its resources when its lease is over.
    LeaseEndIgnored,
    /// A restarted daemon starts anew without removing what is under way.
    LeftoversIgnored,
    /// Votes and acknowledgements are sent before they are on the disk.
    ApplyBeforePersist,
    /// Nodes are not asked what they run before something is started.
    ProbeSkipped,
    /// What depends on a resource is not stopped before it.
    OrderIgnored,
    /// An order for an earlier incarnation of a node is carried out.
    OldOrderObeyed,
    /// A coordinator takes its own agreement to a takeover for granted.
    OwnAgreementAssumed,
    /// A start that went wrong counts as if nothing was started.
    FailedStartForgotten,
    /// What already runs when it is looked at is not looked at again.
    FoundNotWatched,
    /// A node that did not join its peer since its machine was started fences it.
    FencedByStranger,
    /// A device that does not answer in time has done what it was told.
    FenceTimeoutTrusted,
    /// Messages of an earlier line of the log are accepted.
    LowerEpochAccepted,
    /// Something is put into the log while the peer is about to get its vote again.
    ProposedBehindPromotion,
    /// A node goes on alone before that is on its disk.
    SoloBeforePersist,
    /// A node without a vote fences and goes on alone.
    LearnerGoesSolo,
    /// Both fence at once.
    NoDelay,
    /// A node that went on alone and was started anew does not wait for its peer.
    SoloForgotten,
    /// A node that goes down in order is let go before it has stopped what it had.
    PartedHolding,
    /// Standby is not seen.
    StandbyIgnored,
    /// Failures are not counted.
    ThresholdIgnored,
    /// Data are promoted that are out of date.
    OutdatedIgnored,
    /// A handler that takes back what it knew takes back what was said since, too.
    AlikeWhatever,
    /// A lease counts what those say who have no vote.
    LearnerCounts,
    /// A voter that lost its disk votes as if it had said nothing before.
    AmnesiacVoter,
    /// A voter that lost its disk begins anew on the word of whoever has read that it may, not
    /// only of who leads.
    BegunByHearsay,
    /// Where what is reached decides: what somebody else has is taken all the same.
    OwnerIgnored,
    /// There, what is here is kept by who reaches nobody.
    NobodyReached,
    /// There, who gave up its line of the log is admitted as if it had stopped nothing.
    YieldedUnnoticed,
    /// There, it hears the other line of the log while it still stops what it had in its own.
    HeardWhileStopping,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 37] = [
        Self::PromiseForgotten,
        Self::LeaseFromReceipt,
        Self::WatchdogLate,
        Self::WatchdogAlwaysPetted,
        Self::AgreementNotKept,
        Self::EchoAfterAgreement,
        Self::TakeoverUnasked,
        Self::StopTimeoutTrusted,
        Self::LeaseEndIgnored,
        Self::LeftoversIgnored,
        Self::ApplyBeforePersist,
        Self::ProbeSkipped,
        Self::OrderIgnored,
        Self::OldOrderObeyed,
        Self::OwnAgreementAssumed,
        Self::FailedStartForgotten,
        Self::FoundNotWatched,
        Self::FencedByStranger,
        Self::FenceTimeoutTrusted,
        Self::LowerEpochAccepted,
        Self::ProposedBehindPromotion,
        Self::SoloBeforePersist,
        Self::LearnerGoesSolo,
        Self::NoDelay,
        Self::SoloForgotten,
        Self::PartedHolding,
        Self::StandbyIgnored,
        Self::ThresholdIgnored,
        Self::OutdatedIgnored,
        Self::AlikeWhatever,
        Self::LearnerCounts,
        Self::AmnesiacVoter,
        Self::BegunByHearsay,
        Self::OwnerIgnored,
        Self::NobodyReached,
        Self::YieldedUnnoticed,
        Self::HeardWhileStopping,
    ];
}
