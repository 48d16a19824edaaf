/**
 * Highest number under db/migrations that this code was written for. A region is ready when its database has at
 * least this version; newer ones are fine, since migrations expand before they contract.
 */
export const schemaVersion = 1;

/** Table that `migrate` keeps: one row for each migration applied. */
export const schemaVersionTable = 'schema_version';
