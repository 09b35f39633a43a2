-- The account with which the other node asks and copies: there from the beginning.
SET SESSION sql_log_bin = 0;
CREATE USER IF NOT EXISTS 'peer'@'{{ peers[0].addresses.int }}';
ALTER USER 'peer'@'{{ peers[0].addresses.int }}' IDENTIFIED BY '{{ params.replication_password }}';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD, BINLOG MONITOR
    ON *.* TO 'peer'@'{{ peers[0].addresses.int }}';
