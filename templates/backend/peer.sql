-- The account with which the other node asks and copies, and makes this one
-- receive anew after a copy: there from the beginning, set at each start.
SET SESSION sql_log_bin = 0;
CREATE USER IF NOT EXISTS 'peer'@'{{ peers[0].addresses.int }}';
ALTER USER 'peer'@'{{ peers[0].addresses.int }}' IDENTIFIED BY '{{ params.replication_password }}';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD, BINLOG MONITOR, REPLICATION SLAVE ADMIN
    ON *.* TO 'peer'@'{{ peers[0].addresses.int }}';
