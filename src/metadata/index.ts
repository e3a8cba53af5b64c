/** metadata: the room's public face. */
export { latestMetadataVersion, MetadataLog, metadataTopic, metadataTopicId } from './metadata-log.ts'
export { type MetadataRecord, metadataRecord } from './metadata-record.ts'
