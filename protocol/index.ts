/** The package's `odradek/protocol`: Kafka's wire protocol and record format, without I/O. */
export * from './errors.ts'
export * as messages from './messages/index.ts'
export * as records from './records/index.ts'
export * from './schema/index.ts'
export * as state from './state/index.ts'
