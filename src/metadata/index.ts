/** metadata: the room's public face. */
export { latestMetadataVersion } from './formatting.ts'
export { type Decision, type MetadataLog, metadataTopic } from './metadata-log.ts'
export { type MetadataRecord, metadataRecord } from './metadata-record.ts'
export { openMetadataLog } from './open-metadata-log.ts'
