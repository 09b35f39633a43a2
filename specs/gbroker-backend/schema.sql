-- The platform's data, as a fresh pair begins. Replicated: it is run on one node.
CREATE DATABASE gbroker CHARACTER SET utf8mb4;
CREATE TABLE gbroker.entries (
    id BIGINT AUTO_INCREMENT PRIMARY KEY,
    at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    node VARCHAR(64) NOT NULL,
    application VARCHAR(32) NOT NULL,
    text VARCHAR(255) NOT NULL
) ENGINE = InnoDB;
