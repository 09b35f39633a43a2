-- From whom this node replicates. Its own rows come back with their GTIDs and
-- are ignored: current_pos tells the other node that they are known here.
CHANGE MASTER TO
    MASTER_HOST = '{{ peers[0].addresses.int }}',
    MASTER_PORT = {{ params.db_port }},
    MASTER_USER = 'replication',
    MASTER_PASSWORD = '{{ params.replication_password }}',
    MASTER_USE_GTID = current_pos,
    MASTER_CONNECT_RETRY = 1,
    MASTER_HEARTBEAT_PERIOD = 2;
