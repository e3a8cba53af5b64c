/** protocol/schema: the room's public face. */
export { type Codec, elementsPerStep, type Steps } from './compiler.ts'
export * from './fields.ts'
export { ProtocolError } from './protocol-error.ts'
export { Reader } from './reader.ts'
export * from './schema.ts'
export { includesVersion, parseVersions, type VersionRange } from './versions.ts'
export { Writer } from './writer.ts'
