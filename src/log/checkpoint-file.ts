/**
 * log: Kafka's offset checkpoint files, one entry for each partition of a log directory: a line `0`, a line with the number of
 * entries, then a line `topic partition offset` each. Source: Kafka's OffsetCheckpointFile.
 */
import type { FileSystem } from '../runtime/file-system.ts'

export const recoveryPointFileName = 'recovery-point-offset-checkpoint'
export const highWatermarkFileName = 'replication-offset-checkpoint'
export const logStartOffsetFileName = 'log-start-offset-checkpoint'
export const cleanedOffsetFileName = 'cleaner-offset-checkpoint'

/** `topic-partition` to offset. */
export type Offsets = Map<string, number>

export function partitionName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** The topic and partition that a directory `topic-N` is for; undefined for any other name. */
export function parsePartitionName(name: string): { topic: string; partition: number } | undefined {
  const match = /^([a-zA-Z0-9._-]+)-(0|[1-9][0-9]{0,9})$/.exec(name)
  return match === null ? undefined : { topic: match[1]!, partition: Number(match[2]) }
}

/** A file that is missing is empty; so is one without a byte, as Kafka makes it. @throws Error naming the file and the line that makes no sense. */
export async function readOffsets(files: FileSystem, path: string): Promise<Offsets> {
  let content: string
  try {
    content = (await files.readFile(path)).toString('utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  if (content === '') return new Map()
  const lines = content.split('\n')
  if (lines[0] !== '0') throw new Error(`${path}: unknown version "${lines[0]}" in line 1`)
  const offsets: Offsets = new Map()
  for (let index = 0; index < Number(lines[1]); index += 1) {
    const match = /^(\S+) (\d+) (-?\d+)$/.exec(lines[index + 2] ?? '')
    if (match === null) throw new Error(`${path}: line ${index + 3} is not "topic partition offset"`)
    offsets.set(partitionName(match[1]!, Number(match[2])), Number(match[3]))
  }
  return offsets
}

export async function writeOffsets(files: FileSystem, path: string, offsets: Offsets): Promise<void> {
  const lines = [...offsets].map(([name, offset]) => {
    const dash = name.lastIndexOf('-')
    return `${name.slice(0, dash)} ${name.slice(dash + 1)} ${offset}\n`
  })
  await files.replaceFile(path, `0\n${lines.length}\n${lines.join('')}`)
}
