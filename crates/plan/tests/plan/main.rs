//! What the planner must do, requirement by requirement.

mod contents;
mod drafts;
mod fingerprint;
mod hand_edits;
mod hold;
mod initialisers;
mod limits;
mod locks;
mod membership;
mod order;
mod packages;
mod properties;
mod recipes;
mod redundancy;
mod rollback;
mod rotation;
mod settings;
mod told;
mod units;
mod way_back;
mod world;
