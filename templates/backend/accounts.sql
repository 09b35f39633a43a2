-- Accounts of a node that has the data, set at each start and reload.
-- Each node sets its own: they are not replicated.
SET SESSION sql_log_bin = 0;

-- The applications, from the network of the queries.
CREATE USER IF NOT EXISTS 'gbroker'@'{{ networks.int.range | split(pat="/") | first }}/{{ networks.int.netmask }}';
ALTER USER 'gbroker'@'{{ networks.int.range | split(pat="/") | first }}/{{ networks.int.netmask }}' IDENTIFIED BY '{{ params.db_password }}';
GRANT SELECT, INSERT, UPDATE, DELETE ON gbroker.* TO 'gbroker'@'{{ networks.int.range | split(pat="/") | first }}/{{ networks.int.netmask }}';

-- The other node replicates.
CREATE USER IF NOT EXISTS 'replication'@'{{ peers[0].addresses.int }}';
ALTER USER 'replication'@'{{ peers[0].addresses.int }}' IDENTIFIED BY '{{ params.replication_password }}';
GRANT REPLICATION SLAVE ON *.* TO 'replication'@'{{ peers[0].addresses.int }}';
