//! Rows that were not there from the beginning.

use cluster_core::Disk;
use cluster_store::{Identity, Origin, open};
use redb::{Database, ReadableTable as _, TableDefinition};

const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");
const LATER: [&str; 2] = ["given_up", "latecomer"];

#[test]
fn a_disk_of_before_is_as_good_as_one_with_nothing_in_the_new_rows() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log.redb");
    let identity = Identity {
        cluster: "web".to_owned(),
        node: 1,
    };
    drop(open(&path, &identity).expect("a new one"));
    let database = Database::open(&path).expect("it is there");
    let write = database.begin_write().expect("a transaction");
    {
        let mut values = write.open_table(VALUES).expect("the table");
        for name in LATER {
            assert!(
                values.remove(name).expect("read").is_some(),
                "{name} is there"
            );
        }
        // What a daemon of before reads, as it was.
        let membership = values.get("membership").expect("read").expect("there");
        assert_eq!(membership.value(), [0]);
    }
    write.commit().expect("written");
    drop(database);
    let (_, disk, origin) = open(&path, &identity).expect("readable");
    assert_eq!(origin, Origin::Found);
    assert_eq!(disk, Disk::default());
}
