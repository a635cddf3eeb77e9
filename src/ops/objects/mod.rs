//! Values as objects of Kubernetes: how they are read, what is wrong with them, lists of them.

pub(in crate::ops) mod absence;
pub(in crate::ops) mod definitions;
mod deleted;
mod describe;
pub(in crate::ops) mod encryption;
pub(in crate::ops) mod export;
mod export_steps;
mod go_sort;
pub(in crate::ops) mod kinds;
pub(in crate::ops) mod list;
pub(in crate::ops) mod live;
mod looked_for;
mod plain_value;
pub(in crate::ops) mod reader;
mod sort;
pub(in crate::ops) mod stored;
pub(in crate::ops) mod wanted;

pub use absence::{
    Absence, AbsenceQuery, AbsenceReason, Absences, LabelPresence, absences, label_presence,
};
pub use definitions::known_kinds;
pub use deleted::{Deletion, LostValues};
pub use describe::{
    DescribeOptions, OwnerRow, OwnerStanding, RelatedObjects, UnreadReason, objects_to_describe,
    related,
};
pub use encryption::{EncryptionCount, EncryptionReport, encryption};
pub use export::{ExportList, ExportOptions, Exported, ExportedObject, export, objects_to_apply};
pub use export_steps::{ExportStep, ExportSteps, PlannedExport};
pub use kinds::{KindCount, Kinds, kinds};
pub use list::{
    FoundObject, ObjectList, OtherVersion, StoredKind, Undecided, UndecidedReason, objects,
};
pub use looked_for::LookedFor;
pub use plain_value::{PlainValue, PlainValues};
pub use reader::{ReadValue, ValueContent, ValueReader, encoding_name};
pub use stored::{DamagedValue, Inspector};
pub use wanted::{KindError, ObjectsQuery};
