/** A data directory that Apache Kafka 4.3.1 left: everything in it must be seen as Kafka saw it. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { batchesIn } from '../../protocol/records/batches.ts'
import { endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { config, directoryOptions } from './fixtures.ts'

const fixtures = fileURLToPath(new URL('../fixtures/kafka-4.3.1', import.meta.url))

interface ExpectedPartition {
  logStartOffset: number
  logEndOffset: number
  lastStableOffset: number
  highWatermark?: number
  batchBytes: number
  dataRecords: number
  readCommittedRecords: number
  sha256: string
  segments: { baseOffset: number; logBytes: number; indexBytes: number; timeindexBytes: number }[]
  abortedTransactions?: { producerId: number; firstOffset: number }[]
  openTransactions?: { producerId: number; firstOffset: number }[]
  producerStates?: { producerId: number; epoch: number; lastSequence: number; coordinatorEpoch: number }[]
}

const expected = JSON.parse(fs.readFileSync(`${fixtures}/data-dir-4.3.1.json`, 'utf8')) as {
  partitions: Record<string, ExpectedPartition>
}
const names = Object.keys(expected.partitions)
let root: string

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-kafka-'))
})

afterAll(() => {
  fs.rmSync(root, { recursive: true, force: true })
})

function unpack(name: string): string {
  const target = path.join(root, name)
  fs.mkdirSync(target)
  execFileSync('tar', ['xzf', `${fixtures}/data-dir-4.3.1.tar.gz`, '-C', target])
  return path.join(target, 'data')
}

/** Shortly after the time that its records carry: its producers have not expired. */
const madeMs = 1_760_000_100_000

async function open(directory: string): Promise<{ directory: LogDirectory; logs: Map<string, LocalPartitionLog> }> {
  const options = directoryOptions(nodeFileSystem, { path: directory, clock: new SimulatedClock(madeMs) })
  const opened = await LogDirectory.open(options)
  const logs = new Map<string, LocalPartitionLog>()
  for (const { topic, partition } of opened.storedPartitions()) {
    logs.set(`${topic}-${partition}`, await opened.openPartition({ topic, partition, config: config() }))
  }
  return { directory: opened, logs }
}

async function digestOf(log: LocalPartitionLog, isolation: 'high_watermark' | 'txn_committed') {
  const hash = createHash('sha256')
  let count = 0
  for (let next = log.logStartOffset; ; ) {
    const result = await log.read(next, { maxBytes: 10_000, minOneBatch: true, isolation })
    if (result.records.length === 0) return { sha256: hash.digest('hex'), count }
    // As a consumer does: a producer is aborted from a first offset of the list to its abort marker.
    const starts = [...(result.abortedTransactions ?? [])].sort((left, right) => left.firstOffset - right.firstOffset)
    const aborted = new Set<bigint>()
    for (const batch of batchesIn(Buffer.concat(result.records))) {
      next = batch.lastOffset + 1
      while (starts.length > 0 && starts[0]!.firstOffset <= batch.lastOffset) aborted.add(starts.shift()!.producerId)
      if (batch.isControl) {
        if (endTransactionMarkerOf(batch)?.type === 'ABORT') aborted.delete(batch.producerId)
        continue
      }
      if (batch.isTransactional && aborted.has(batch.producerId)) continue
      for (const record of recordsOf(batch)) {
        count += 1
        const headers = record.headers.map(({ key, value }) => `${key}=${value?.toString('hex') ?? '-'},`).join('')
        const key = record.key?.toString('hex') ?? '-'
        const value = record.value?.toString('hex') ?? '-'
        hash.update(`${record.offset}\t${record.timestamp}\t${key}\t${value}\t${headers}\n`)
      }
    }
  }
}

async function expectAsKafkaSaw(logs: Map<string, LocalPartitionLog>): Promise<void> {
  expect([...logs.keys()].sort()).toEqual([...names].sort())
  for (const [name, partition] of Object.entries(expected.partitions)) {
    const log = logs.get(name)!
    const seen = {
      name,
      logStartOffset: log.logStartOffset,
      logEndOffset: log.logEndOffset,
      lastStableOffset: log.lastStableOffset,
      highWatermark: log.highWatermark,
      sizeInBytes: log.sizeInBytes,
    }
    expect(seen).toEqual({
      name,
      logStartOffset: partition.logStartOffset,
      logEndOffset: partition.logEndOffset,
      lastStableOffset: partition.lastStableOffset,
      highWatermark: partition.highWatermark ?? partition.logEndOffset,
      sizeInBytes: partition.batchBytes,
    })
    const aborted = await log.abortedTransactions(0, log.logEndOffset)
    expect(aborted, name).toEqual(
      (partition.abortedTransactions ?? []).map(({ producerId, firstOffset }) => ({
        producerId: BigInt(producerId),
        firstOffset,
      })),
    )
    const states = log.producerStates().map((state) => ({
      producerId: Number(state.producerId),
      epoch: state.producerEpoch,
      lastSequence: state.lastSequence,
      coordinatorEpoch: state.coordinatorEpoch,
    }))
    expect(states, name).toEqual(
      (partition.producerStates ?? []).map(({ producerId, epoch, lastSequence, coordinatorEpoch }) => ({
        producerId,
        epoch,
        lastSequence,
        coordinatorEpoch,
      })),
    )
    const open = log
      .producerStates()
      .filter((state) => state.currentTransactionFirstOffset >= 0)
      .map((state) => ({ producerId: Number(state.producerId), firstOffset: state.currentTransactionFirstOffset }))
    expect(open, name).toEqual(partition.openTransactions ?? [])
    if (partition.logStartOffset === 0) {
      expect((await digestOf(log, 'high_watermark')).sha256, name).toBe(partition.sha256)
    }
  }
}

describe('a data directory of Kafka 4.3.1', () => {
  it('is seen as Kafka saw it', async () => {
    const { directory, logs } = await open(unpack('clean'))
    expect(directory.wasCleanlyStopped).toBe(true)
    await expectAsKafkaSaw(logs)
    await directory.close()
  })

  it('is seen the same after it was closed and opened again', async () => {
    const data = unpack('again')
    await (await open(data)).directory.close()
    const { directory, logs } = await open(data)
    expect(directory.wasCleanlyStopped).toBe(true)
    await expectAsKafkaSaw(logs)
    await directory.close()
  })

  it('is seen the same after an unclean stop without any index, snapshot or checkpoint', async () => {
    const data = unpack('bare')
    fs.rmSync(`${data}/.kafka_cleanshutdown`)
    fs.rmSync(`${data}/recovery-point-offset-checkpoint`)
    for (const name of names) {
      for (const file of fs.readdirSync(`${data}/${name}`)) {
        if (/\.(index|timeindex|txnindex|snapshot)$/.test(file)) fs.rmSync(`${data}/${name}/${file}`)
      }
    }
    const { directory, logs } = await open(data)
    expect(directory.wasCleanlyStopped).toBe(false)
    await expectAsKafkaSaw(logs)
    await directory.close()
  })

  it('has no files changed by opening and closing it, but for indexes and checkpoints', async () => {
    const before = unpack('before')
    const after = unpack('after')
    await (await open(after)).directory.close()
    for (const name of names) {
      const changed = fs
        .readdirSync(`${before}/${name}`)
        .filter(
          (file) => !fs.readFileSync(`${before}/${name}/${file}`).equals(readOrNothing(`${after}/${name}/${file}`)),
        )
      expect({ name, changed }).toEqual({ name, changed: [] })
    }
    for (const file of ['meta.properties', 'cleaner-offset-checkpoint', 'bootstrap.checkpoint']) {
      expect(fs.readFileSync(`${after}/${file}`, 'utf8')).toBe(fs.readFileSync(`${before}/${file}`, 'utf8'))
    }
    expect(sortedLines(`${after}/log-start-offset-checkpoint`)).toEqual(
      sortedLines(`${before}/log-start-offset-checkpoint`),
    )
  })

  it('hides what is not committed from read_committed', async () => {
    const { directory, logs } = await open(unpack('committed'))
    for (const [name, partition] of Object.entries(expected.partitions)) {
      if (partition.logStartOffset > 0) continue
      const { count } = await digestOf(logs.get(name)!, 'txn_committed')
      expect({ name, count }).toEqual({ name, count: partition.readCommittedRecords })
    }
    await directory.close()
  })
})

function readOrNothing(file: string): Buffer {
  return fs.existsSync(file) ? fs.readFileSync(file) : Buffer.from('missing')
}

function sortedLines(file: string): string[] {
  return fs.readFileSync(file, 'utf8').split('\n').sort()
}
