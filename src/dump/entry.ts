/**
 * dump: what is found in files: one entry for each thing that is shown, with Kafka's field names, and what takes entries.
 *
 * | type | what it is |
 * | --- | --- |
 * | `file` | a file's path, size and kind, before its content |
 * | `batch`, `record` | of a `.log`, and of a snapshot of the metadata log |
 * | `offsetIndex`, `timeIndex`, `transactionIndex` | one entry of an index, with its position in the file |
 * | `producerState`, `leaderEpoch`, `offsetCheckpoint` | one entry of a file of them |
 * | `metaProperties`, `partitionMetadata`, `quorumState`, `cleanShutdown` | such a file whole |
 * | `partition`, `segment` | of a data directory |
 * | `problem` | what is wrong, and at which byte of the file |
 * | `verified` | how much was looked at, and how much of it is wrong |
 */

/** Values: numbers, bigints, text, bytes, and arrays and objects of them. Bytes stay bytes until they are rendered. */
export type Fields = Readonly<Record<string, unknown>>

export interface Entry extends Fields {
  readonly type: string
  /** Path of the file that it is from. */
  readonly file: string
}

/** Takes entries. Who writes many awaits `drain` while it is full: so a dump takes no more memory than its reader lets it. */
export interface EntryWriter {
  write(entry: Entry): void
  readonly isFull: boolean
  drain(): Promise<void>
}
