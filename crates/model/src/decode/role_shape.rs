//! What `roles/NAME.yaml` may contain.

use crate::shape::{Object, Shape, optional, required};

const NAMES: Shape = Shape::OneOrMore(&Shape::Name);
const WHEN: crate::shape::Field = optional(
    "when",
    Shape::Text,
    "only then: `param == value`, `param != value`, `param`, `not param`",
);

/// The whole document.
pub(crate) static ROLE: Object = Object {
    help: "What a host of a cluster carries, independent of environment and operating system.",
    fields: &[
        required("summary", Shape::Text, "what it is for, one line"),
        optional(
            "include",
            Shape::List(&Shape::Name),
            "roles that belong to it",
        ),
        optional(
            "params",
            Shape::Map(&Shape::TextOr(&PARAM)),
            "what may vary, by name",
        ),
        optional(
            "base",
            Shape::List(&Shape::Name),
            "distribution packages, by the profiles' names",
        ),
        optional(
            "packages",
            Shape::List(&Shape::Name),
            "packages of ours, files of specs/",
        ),
        optional(
            "files",
            Shape::List(&Shape::Object(&FILE)),
            "files rendered from templates",
        ),
        optional(
            "edits",
            Shape::List(&Shape::Object(&EDIT)),
            "settings inside files that somebody else owns",
        ),
        optional(
            "units",
            Shape::Map(&Shape::OneOrMore(&Shape::Object(&UNIT))),
            "units, by the profiles' names; a list where they depend on a param",
        ),
        optional(
            "validators",
            Shape::Map(&Shape::Object(&CALL)),
            "programs that judge staged files; `{path}` is the file, `{root}` the staged tree",
        ),
        optional(
            "resources",
            Shape::List(&Shape::Object(&RESOURCE)),
            "what the cluster runs, in start order",
        ),
        optional(
            "health",
            Shape::Map(&Shape::Object(&HEALTH)),
            "what must answer",
        ),
        optional(
            "redundancy",
            Shape::Map(&Shape::Object(&CALL)),
            "programs that exit with 0 while the next failure can be survived; else they say why not",
        ),
        optional(
            "endpoints",
            Shape::Map(&Shape::Object(&ENDPOINT)),
            "where it serves",
        ),
        optional(
            "initialisers",
            Shape::Map(&Shape::Object(&INITIALISER)),
            "what is neither file nor unit and must exist",
        ),
    ],
};

/// A param; a word alone is its type.
pub(crate) static PARAM: Object = Object {
    help: "Something that may vary. A word alone is its type.",
    fields: &[
        optional("type", Shape::Word(TYPES), "what it takes"),
        optional(
            "one_of",
            Shape::List(&Shape::Text),
            "the words it takes, instead of a type",
        ),
        optional(
            "list_of",
            Shape::Word(TYPES),
            "it takes several of this type, instead of a type",
        ),
        optional(
            "min",
            Shape::Integer {
                min: i64::MIN,
                max: i64::MAX,
            },
            "smallest integer",
        ),
        optional(
            "max",
            Shape::Integer {
                min: i64::MIN,
                max: i64::MAX,
            },
            "largest integer",
        ),
        optional(
            "default",
            Shape::Any,
            "its value unless the inventory sets it; without one it is required",
        ),
        optional("help", Shape::Text, "one line for the operator"),
        optional(
            "scope",
            Shape::Word(&["cluster", "host"]),
            "set in clusters.NAME.set, or in hosts.NAME.set",
        ),
        optional(
            "unique",
            Shape::Boolean,
            "no two hosts of the inventory have the same value",
        ),
    ],
};

/// Types of params.
pub(crate) const TYPES: &[&str] = &[
    "address", "boolean", "endpoint", "integer", "port", "secret", "text",
];

static FILE: Object = Object {
    help: "A file rendered from a template; it belongs to the host package.",
    fields: &[
        required(
            "path",
            Shape::Path,
            "where; may use {{ units.x }}, {{ paths.x }}, {{ params.x }}",
        ),
        required("template", Shape::Text, "a file below templates/"),
        optional(
            "mode",
            Shape::Mode,
            "permission bits, 0644; 0600 for a secret file",
        ),
        optional(
            "owner",
            Shape::Name,
            "`root`, or a user by the profiles' name",
        ),
        optional(
            "group",
            Shape::Name,
            "`root`, or a group by the profiles' name",
        ),
        optional("secret", Shape::Boolean, "the template uses secrets"),
        optional("comment", Shape::Text, "what begins a comment in it, `#`"),
        optional("restarts", NAMES, "units to restart when it changes"),
        optional("reloads", NAMES, "units to reload when it changes"),
        optional("validator", Shape::Name, "the validator that judges it"),
        WHEN,
    ],
};

static EDIT: Object = Object {
    help: "Settings inside a file that somebody else owns and that has no drop-in directory.",
    fields: &[
        required("path", Shape::Path, "the file; it must exist"),
        required(
            "separator",
            Shape::Text,
            "what stands between key and value",
        ),
        required(
            "set",
            Shape::FreeMap(&Shape::Text),
            "settings; values may use {{ params.x }}",
        ),
        WHEN,
    ],
};

static UNIT: Object = Object {
    help: "How a unit shall be.",
    fields: &[
        required(
            "run",
            Shape::Word(&["started", "stopped", "cluster", "untouched"]),
            "`cluster`: the engine starts and stops it, never systemd at boot",
        ),
        optional("enabled", Shape::Boolean, "started at boot"),
        optional(
            "restart",
            Shape::Word(&["in-place", "elsewhere"]),
            "on the node that serves: `in-place` lets only its own clients notice, `elsewhere` moves the \
             resources away first (the rule for what the cluster runs)",
        ),
        optional(
            "carries",
            Shape::Boolean,
            "what the cluster runs stands on it: a node gives its resources away before it restarts",
        ),
        WHEN,
    ],
};

static CALL: Object = Object {
    help: "A program of the profile with arguments; no shell is involved.",
    fields: CALL_FIELDS,
};

const CALL_FIELDS: &[crate::shape::Field] = &[
    required("program", Shape::Name, "a program by the profiles' name"),
    optional(
        "arguments",
        Shape::List(&Shape::Text),
        "may use {{ params.x }}, {{ paths.x }}",
    ),
    optional(
        "timeout",
        Shape::Duration,
        "it is killed after this time, 30s",
    ),
];

static RESOURCE: Object = Object {
    help: "A group (`group` and `of`) or a single resource.",
    fields: &[
        optional(
            "group",
            Shape::Name,
            "name of a group: one node, started in order",
        ),
        optional(
            "of",
            Shape::List(&Shape::Object(&MEMBER)),
            "the members of the group",
        ),
        optional(
            "name",
            Shape::Name,
            "its name, the address's or unit's unless it says otherwise",
        ),
        optional(
            "address",
            Shape::Name,
            "the param with the address to bring up",
        ),
        optional("unit", Shape::Name, "a unit by the profiles' name"),
        optional("ocf", Shape::Text, "an OCF agent, `heartbeat:Filesystem`"),
        optional(
            "parameters",
            Shape::FreeMap(&Shape::Text),
            "of the OCF agent; may use {{ params.x }}",
        ),
        optional("monitor", Shape::Duration, "how often it is looked at"),
        optional(
            "migration_threshold",
            Shape::Integer {
                min: 1,
                max: 1_000_000,
            },
            "failures after which it moves; of a group: of all its members together",
        ),
        optional(
            "failure_timeout",
            Shape::Duration,
            "after so long a failed node gets another chance; nothing: the engine's own",
        ),
        optional("start_timeout", Shape::Duration, "longest start, 60s"),
        optional("stop_timeout", Shape::Duration, "longest stop, 60s"),
        WHEN,
    ],
};

static MEMBER: Object = Object {
    help: "A resource: one of `address`, `unit`, `ocf`.",
    fields: &[
        optional(
            "name",
            Shape::Name,
            "its name, the address's or unit's unless it says otherwise",
        ),
        optional(
            "address",
            Shape::Name,
            "the param with the address to bring up",
        ),
        optional("unit", Shape::Name, "a unit by the profiles' name"),
        optional("ocf", Shape::Text, "an OCF agent, `heartbeat:Filesystem`"),
        optional(
            "parameters",
            Shape::FreeMap(&Shape::Text),
            "of the OCF agent; may use {{ params.x }}",
        ),
        optional("monitor", Shape::Duration, "how often it is looked at"),
        optional(
            "migration_threshold",
            Shape::Integer {
                min: 1,
                max: 1_000_000,
            },
            "failures after which it moves",
        ),
        optional(
            "failure_timeout",
            Shape::Duration,
            "after so long a failed node gets another chance; nothing: the engine's own",
        ),
        optional("start_timeout", Shape::Duration, "longest start, 60s"),
        optional("stop_timeout", Shape::Duration, "longest stop, 60s"),
        WHEN,
    ],
};

static HEALTH: Object = Object {
    help: "A question that must be answered well: one of `http`, `unit`, `command`.",
    fields: &[
        optional("http", Shape::Text, "URL; may use {{ params.x }}"),
        optional(
            "status",
            Shape::Integer { min: 100, max: 599 },
            "status that must come back, 200",
        ),
        optional(
            "contains",
            Shape::Text,
            "text that the body must contain; may use {{ params.x }}",
        ),
        optional("unit", Shape::Name, "a unit that must be active"),
        optional(
            "command",
            Shape::Object(&CALL),
            "a program that must exit with 0",
        ),
        required(
            "on",
            Shape::Word(&["holder", "each"]),
            "the node that holds the resources, or every node",
        ),
        optional("within", Shape::Duration, "it may fail until then, 10s"),
        WHEN,
    ],
};

static ENDPOINT: Object = Object {
    help: "Where it serves, for params of type endpoint of other clusters.",
    fields: &[
        required("address", Shape::Name, "the address param"),
        required("port", Shape::Text, "a port, or the param that holds it"),
    ],
};

static INITIALISER: Object = Object {
    help: "Brings up what is neither file nor unit. It never touches existing data.",
    fields: &[
        required(
            "probe",
            Shape::Object(&CALL),
            "exits with 0 when it is there",
        ),
        required("act", Shape::Object(&CALL), "makes it"),
        required(
            "verify",
            Shape::Object(&CALL),
            "exits with 0 when it is there now",
        ),
        WHEN,
    ],
};
