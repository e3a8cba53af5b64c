/**
 * dump: the small files beside the segments and in a log directory: producer snapshots, checkpoints, meta.properties,
 * partition.metadata, quorum-state. Each is read up to a limit that no real one reaches.
 */
import { crc32c } from '../../protocol/records/checksums.ts'
import { ProtocolError, Reader } from '../../protocol/schema/index.ts'
import { producerSnapshot } from '../../protocol/state/transactions.ts'
import type { FileHandle } from '../runtime/file-system.ts'
import type { Report } from './report.ts'

const mebibyte = 1024 * 1024
export const largestCheckpointBytes = 16 * mebibyte
const producerSnapshotVersion = 1
/** Version (int16) and checksum (uint32): what follows is what the checksum is of. */
const snapshotChecksummedFrom = 6

export interface StateFile {
  readonly kind: string
  /** A larger one is not read. */
  readonly maxBytes: number
  /** Shows what `bytes`, the whole file, say. @throws Nonsense, ProtocolError: the file's problem. */
  show(report: Report, path: string, bytes: Buffer): Promise<void>
}

/** What makes no sense, and where. */
class Nonsense extends Error {
  readonly position: number

  constructor(position: number, message: string) {
    super(message)
    this.position = position
  }
}

export async function dumpStateFile(
  report: Report,
  path: string,
  { show, maxBytes }: StateFile,
  file: FileHandle,
  size: number,
): Promise<void> {
  if (size > maxBytes) {
    await report.problem(path, null, `${size} bytes are too many for a file of this kind`)
    return
  }
  try {
    await show(report, path, await file.read(0, size))
  } catch (error) {
    if (error instanceof Nonsense) await report.problem(path, error.position, error.message)
    else if (error instanceof ProtocolError) await report.problem(path, null, error.message)
    else throw error
  }
}

export const producerSnapshotFile: StateFile = {
  kind: 'producer snapshot',
  maxBytes: 256 * mebibyte,
  async show(report, path, bytes) {
    if (bytes.length < snapshotChecksummedFrom) throw new Nonsense(0, `${bytes.length} bytes are no producer snapshot`)
    const version = bytes.readInt16BE(0)
    if (version !== producerSnapshotVersion)
      throw new Nonsense(0, `version ${version} of a producer snapshot is not known`)
    const computed = crc32c(bytes.subarray(snapshotChecksummedFrom))
    const stored = bytes.readUInt32BE(2)
    if (computed !== stored) await report.problem(path, 2, `the checksum ${computed} is not the crc ${stored}`)
    const reader = new Reader(bytes, 2)
    const { producerEntries } = producerSnapshot.codec(version).decode(reader)
    for (const { producerId, epoch: producerEpoch, ...entry } of producerEntries) {
      await report.show({ type: 'producerState', file: path, producerId, producerEpoch, ...entry })
    }
    if (reader.remaining > 0)
      throw new Nonsense(reader.position, `${reader.remaining} bytes are left behind the entries`)
  },
}

/** Kafka's checkpoint format: a line `0`, a line with the number of entries, a line for each. `entry` throws for one that can't be. */
async function forEachCheckpointLine(
  content: string,
  entry: (line: string, position: number) => void | Promise<void>,
): Promise<void> {
  const lines = content.split('\n')
  if (lines[0] !== '0') throw new Nonsense(0, `version ${JSON.stringify(lines[0]?.slice(0, 20))} is not known`)
  const count = /^\d{1,9}$/.test(lines[1] ?? '') ? Number(lines[1]) : undefined
  if (count === undefined) throw new Nonsense(2, 'the second line is not the number of entries')
  let position = 2 + lines[1]!.length + 1
  const found = lines.slice(2)
  if (found.at(-1) === '') found.pop()
  for (const line of found) {
    await entry(line, position)
    position += Buffer.byteLength(line) + 1
  }
  if (found.length !== count) throw new Nonsense(2, `${count} entries are announced, ${found.length} are there`)
}

export const leaderEpochFile: StateFile = {
  kind: 'leader epochs',
  maxBytes: largestCheckpointBytes,
  async show(report, path, bytes) {
    let previous = { epoch: -1, startOffset: -1 }
    await forEachCheckpointLine(bytes.toString('utf8'), async (line, position) => {
      const match = /^(\d{1,10}) (\d{1,19})$/.exec(line)
      if (match === null) throw new Nonsense(position, 'a line is not "epoch startOffset"')
      const entry = { epoch: Number(match[1]), startOffset: Number(match[2]) }
      await report.show({ type: 'leaderEpoch', file: path, ...entry })
      if (entry.epoch <= previous.epoch || entry.startOffset <= previous.startOffset) {
        await report.problem(path, position, `epoch ${entry.epoch} at ${entry.startOffset} is not above the one before`)
      }
      previous = entry
    })
  },
}

/** `kind`: what the offsets in it are. */
export function offsetCheckpointFile(kind: string): StateFile {
  return {
    kind,
    maxBytes: largestCheckpointBytes,
    async show(report, path, bytes) {
      await forEachCheckpointLine(bytes.toString('utf8'), async (line, position) => {
        const match = /^(\S+) (\d{1,10}) (-?\d{1,19})$/.exec(line)
        if (match === null) throw new Nonsense(position, 'a line is not "topic partition offset"')
        const [, topic, partition, offset] = match
        const entry = { topic, partition: Number(partition), offset: Number(offset) }
        await report.show({ type: 'offsetCheckpoint', file: path, ...entry })
      })
    },
  }
}

/** Java's properties, as far as these files use them. */
function propertiesIn(content: string, separator: RegExp): Record<string, string> {
  const properties: [string, string][] = []
  for (const line of content.split(/\r?\n/)) {
    const at = line.search(separator)
    if (at > 0 && !/^\s*[#!]/.test(line)) properties.push([line.slice(0, at).trim(), line.slice(at + 1).trim()])
  }
  return Object.fromEntries(properties)
}

export const metaPropertiesFile: StateFile = {
  kind: 'log directory',
  maxBytes: mebibyte,
  async show(report, path, bytes) {
    const properties = propertiesIn(bytes.toString('utf8'), /[=:]/)
    await report.show({ type: 'metaProperties', file: path, properties })
    if (properties.version !== '1') throw new Nonsense(0, `version ${properties.version ?? '(none)'} is not 1`)
    for (const key of ['node.id', 'cluster.id', 'directory.id']) {
      if (properties[key] === undefined) await report.problem(path, null, `${key} is missing`)
    }
  },
}

export const partitionMetadataFile: StateFile = {
  kind: 'partition',
  maxBytes: mebibyte,
  async show(report, path, bytes) {
    const { version, topic_id: topicId } = propertiesIn(bytes.toString('utf8'), /:/)
    await report.show({
      type: 'partitionMetadata',
      file: path,
      version: Number(version ?? -1),
      topicId: topicId ?? null,
    })
    if (version !== '0') throw new Nonsense(0, `version ${version ?? '(none)'} is not 0`)
    if (!/^[\w-]{22}$/.test(topicId ?? '')) throw new Nonsense(0, 'it has no topic id')
  },
}

function objectIn(bytes: Buffer): object {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Nonsense(0, `no JSON: ${(error as Error).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Nonsense(0, 'no JSON object')
  return value
}

export const quorumStateFile: StateFile = {
  kind: 'quorum state',
  maxBytes: mebibyte,
  async show(report, path, bytes) {
    const state = objectIn(bytes)
    await report.show({ type: 'quorumState', file: path, state })
    const { leaderEpoch, data_version: version } = state as { leaderEpoch?: unknown; data_version?: unknown }
    if (version !== 0 && version !== 1) throw new Nonsense(0, `data_version ${JSON.stringify(version)} is not known`)
    if (!Number.isSafeInteger(leaderEpoch)) throw new Nonsense(0, 'it has no leaderEpoch')
  },
}

export const cleanShutdownFile: StateFile = {
  kind: 'clean shutdown',
  maxBytes: mebibyte,
  async show(report, path, bytes) {
    await report.show({ type: 'cleanShutdown', file: path, content: objectIn(bytes) })
  },
}
