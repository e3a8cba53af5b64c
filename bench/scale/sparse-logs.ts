/**
 * bench/scale: logs of any size that take no room: the files that a cleanly stopped broker would have left, in which each segment has one
 * batch and is a hole from there on. A broker that believes them reads no more than their sizes and the end of the last one.
 */
import { closeSync, ftruncateSync, openSync, readdirSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { assignOffsetAndEpochAt } from '../../protocol/records/index.ts'
import { batchOf } from '../wire-client.ts'

export const segmentBytes = 1024 ** 3
const batchBytes = 65_536
const recordBytes = 1024
const recordsPerBatch = batchBytes / recordBytes
const batchesPerSegment = segmentBytes / batchBytes
const recordsPerSegment = recordsPerBatch * batchesPerSegment
const leaderEpoch = 0
const [offsetEntryBytes, timeEntryBytes] = [8, 12]

/** Lays segments until the partition has `count`, before an empty one that is appended to. Its broker is stopped. */
export function layLog(directory: string, count: number): void {
  const names = readdirSync(directory)
  const snapshot = names
    .filter((name) => name.endsWith('.snapshot'))
    .sort()
    .at(-1)
  const last = names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .at(-1)!
  const end = count * recordsPerSegment
  for (const suffix of ['log', 'index', 'timeindex']) {
    writeFileSync(path.join(directory, `${nameOf(end)}.${suffix}`), '')
  }
  // It says which producers there are: none, at any offset.
  if (snapshot === undefined) throw new Error(`${directory} was not stopped cleanly: it has no snapshot`)
  renameSync(path.join(directory, snapshot), path.join(directory, `${nameOf(end)}.snapshot`))
  for (let base = Number.parseInt(last, 10); base < end; base += recordsPerSegment) laySegment(directory, base)
}

function laySegment(directory: string, baseOffset: number): void {
  const write = (suffix: string, content: Buffer, bytes: number) => {
    const file = openSync(path.join(directory, `${nameOf(baseOffset)}.${suffix}`), 'w')
    writeSync(file, content)
    ftruncateSync(file, bytes)
    closeSync(file)
  }
  const batch = batchOf(recordBytes, batchBytes)
  assignOffsetAndEpochAt(batch, 0, baseOffset, leaderEpoch)
  write('log', batch, segmentBytes)
  const offsets = Buffer.alloc(batchesPerSegment * offsetEntryBytes)
  const times = Buffer.alloc(batchesPerSegment * timeEntryBytes)
  const nowMs = BigInt(Date.now())
  for (let index = 0; index < batchesPerSegment; index += 1) {
    offsets.writeUInt32BE(index * recordsPerBatch, index * offsetEntryBytes)
    offsets.writeUInt32BE(index * batchBytes, index * offsetEntryBytes + 4)
    times.writeBigInt64BE(nowMs, index * timeEntryBytes)
    times.writeUInt32BE(index * recordsPerBatch, index * timeEntryBytes + 8)
  }
  write('index', offsets, offsets.length)
  write('timeindex', times, times.length)
}

function nameOf(offset: number): string {
  return String(offset).padStart(20, '0')
}
