//! Why something that was asked for is not done.

use cluster_core::action::Refusal;

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// There is no node of this name.
    #[error("there is no node {0}")]
    NoSuchNode(String),
    /// There is no resource of this name.
    #[error("there is no resource {0}")]
    NoSuchResource(String),
    /// It is no configuration for this cluster.
    #[error("{0}")]
    Unfit(String),
    /// Its files cannot be taken.
    #[error("{0}")]
    NotTaken(String),
    /// Agents keep too much.
    #[error("no room: agents keep at most 256 properties of 4096 bytes each")]
    NoRoom,
    /// Nobody put it into the log.
    #[error("no majority took it in time (see `clusterd status`); it is forgotten")]
    NotInTime,
    /// It is not off.
    #[error("it is heard: it is not off")]
    StillHeard,
    /// A majority decides.
    #[error("nobody's word decides here: a majority does")]
    NotByWord,
    /// Nothing that each of two may decide alone.
    #[error(
        "in mode `reach` each node may go on alone: nobody can promise what the other one does"
    )]
    NotByReach,
    /// It must not decide.
    #[error(
        "this node has no vote: it may not have everything that was decided; ask the other one"
    )]
    NoVote,
    /// It was started a moment ago.
    #[error("this node still reads what was decided before it was started; ask again in a moment")]
    Reading,
    /// Too many at once.
    #[error("too many requests wait already")]
    TooMany,
}

impl Refused {
    /// May the same be carried out a moment later?
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::NotInTime | Self::NoVote | Self::Reading | Self::TooMany => true,
            Self::NoSuchNode(_)
            | Self::NoSuchResource(_)
            | Self::Unfit(_)
            | Self::NotTaken(_)
            | Self::NoRoom
            | Self::StillHeard
            | Self::NotByWord
            | Self::NotByReach => false,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchNode(name) => Self::NoSuchNode(name),
            Refusal::NoSuchResource(name) => Self::NoSuchResource(name),
            Refusal::Unfit(unfit) => Self::Unfit(unfit.to_string()),
            Refusal::NoRoom => Self::NoRoom,
            Refusal::NotInTime => Self::NotInTime,
            Refusal::StillHeard(_) => Self::StillHeard,
            Refusal::NotByWord => Self::NotByWord,
            Refusal::NotByReach => Self::NotByReach,
            Refusal::NoVote => Self::NoVote,
            Refusal::Reading => Self::Reading,
        }
    }
}
