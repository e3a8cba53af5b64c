/** flush.messages: nothing is acknowledged or shown before the sync that covers it has returned, and many appends share one. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildEndTransactionMarker } from '../../protocol/records/control-records.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { batch, config, openDirectory, openLog, readAll, sequenced, startMs } from './fixtures.ts'

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await nextTurn()
}

/** Syncs of segments return when they are told to; `calls` tells of everything that matters for durability, in order. */
class HeldSyncs extends MemoryFileSystem {
  readonly calls: string[] = []
  readonly #held: (() => void)[] = []
  holds = true

  override async open(file: string, mode: 'read' | 'write') {
    const handle = await super.open(file, mode)
    if (!file.endsWith('.log')) return handle
    const { sync } = handle
    handle.sync = async () => {
      this.calls.push('sync')
      if (this.holds) await new Promise<void>((resolve) => this.#held.push(resolve))
      await sync()
    }
    return handle
  }

  override async syncDirectory(directory: string): Promise<void> {
    this.calls.push(`syncDirectory ${directory}`)
    await super.syncDirectory(directory)
  }

  /** Lets the oldest one return. */
  async release(): Promise<void> {
    this.#held.shift()?.()
    await settled()
  }
}

async function open(overrides: Partial<LogConfig> = { flushMessages: 1 }, files = new HeldSyncs()) {
  const directory = await openDirectory(files)
  const log = await openLog(directory, overrides)
  files.calls.length = 0
  const done: string[] = []
  const append = (bytes: Buffer, name: string): void => {
    log.append(bytes, 'client').then(
      ({ baseOffset }) => done.push(`${name}@${baseOffset}`),
      (error) => done.push(`${name}: ${error.kafkaError}`),
    )
  }
  return { directory, log, files, done, append }
}

const all = { maxBytes: 1_000_000, minOneBatch: true, isolation: 'high_watermark' } as const

describe('flush.messages=1', () => {
  it('acknowledges and shows an append only when a sync that began after its write has returned', async () => {
    const { log, files, done, append } = await open()
    append(batch(2), 'a')
    await settled()
    expect([done, log.logEndOffset, log.highWatermark, log.lastStableOffset]).toEqual([[], 2, 0, 0])
    expect((await log.read(0, all)).records).toEqual([])
    expect(await log.offsetForTimestamp(startMs, 'high_watermark')).toBeUndefined()
    await files.release()
    expect([done, log.highWatermark, log.lastStableOffset]).toEqual([['a@0'], 2, 2])
    expect(await readAll(log)).toEqual([0, 1])
  })

  it('lets all that is written during a sync share the next one, and keeps the order', async () => {
    const { log, files, done, append } = await open()
    append(batch(1), 'first')
    await settled()
    for (let index = 0; index < 20; index += 1) {
      append(batch(1), String(index))
      await nextTurn()
    }
    expect(files.calls.filter((call) => call === 'sync').length).toBe(1)
    await files.release()
    expect([done, log.highWatermark]).toEqual([['first@0'], 1])
    await files.release()
    expect(files.calls.filter((call) => call === 'sync').length).toBe(2)
    expect(done.slice(1)).toEqual(Array.from({ length: 20 }, (_, index) => `${index}@${index + 1}`))
  })

  it('also syncs the names of new files and directories before it acknowledges', async () => {
    const { log, files } = await open({ flushMessages: 1, segmentBytes: 100 })
    files.holds = false
    await log.append(batch(1), 'client')
    expect(files.calls).toEqual(['sync', 'syncDirectory data/topic-0', 'syncDirectory data'])
    files.calls.length = 0
    await log.append(batch(1), 'client')
    expect(files.calls).toEqual(['sync', 'syncDirectory data/topic-0'])
    files.calls.length = 0
    files.beforeCall = (operation, file) => {
      if (operation === 'syncDirectory') throw systemError('EIO', file)
    }
    await expect(log.append(batch(1), 'client')).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
  })

  it('answers the repeated batch of an idempotent producer no earlier than the batch itself', async () => {
    const { files, done, append } = await open()
    append(sequenced(5n, 0, 0, 2), 'original')
    await settled()
    append(sequenced(5n, 0, 0, 2), 'repeated')
    await settled()
    expect(done).toEqual([])
    await files.release()
    expect(done).toEqual(['original@0', 'repeated@0'])
  })

  it('holds the last stable offset until the end of the transaction is durable', async () => {
    const { log, files } = await open()
    const header = { producerId: 1n, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    const data = log.append(batch(2, {}, header), 'coordinator')
    await settled()
    await files.release()
    await data
    expect([log.highWatermark, log.lastStableOffset]).toEqual([2, 0])
    const marker = {
      type: 'COMMIT',
      producerId: 1n,
      producerEpoch: 0,
      coordinatorEpoch: 0,
      timestamp: startMs,
    } as const
    const end = log.append(buildEndTransactionMarker(marker), 'coordinator')
    await settled()
    expect([log.logEndOffset, log.lastStableOffset]).toEqual([3, 0])
    await files.release()
    await end
    expect(log.lastStableOffset).toBe(3)
  })

  it('acknowledges nothing after a failed sync, and gives the directory up', async () => {
    const { directory, log, files, done, append } = await open()
    const other = await openLog(directory, {}, 'other')
    append(batch(1), 'a')
    await settled()
    append(batch(1), 'b')
    await settled()
    files.beforeCall = (operation, file) => {
      if (operation === 'sync') throw systemError('EIO', file)
    }
    await files.release()
    expect(done).toEqual(['a: KAFKA_STORAGE_ERROR', 'b: KAFKA_STORAGE_ERROR'])
    expect(log.highWatermark).toBe(0)
    files.beforeCall = () => {}
    await expect(other.append(batch(1), 'client')).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
    expect(files.calls.filter((call) => call === 'sync').length).toBe(1)
  })

  it('acknowledges nothing when the directory has failed elsewhere during the sync', async () => {
    const { directory, files, done, append } = await open()
    const other = await openLog(directory, {}, 'other')
    append(batch(1), 'a')
    await settled()
    files.beforeCall = (operation, file) => {
      if (operation === 'sync' && file.includes('other')) throw systemError('EIO', file)
    }
    files.holds = false
    await other.append(batch(1), 'client')
    await expect(other.flush()).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
    await files.release()
    expect(done).toEqual(['a: KAFKA_STORAGE_ERROR'])
  })

  it('fails what waits for a sync when a later write fails', async () => {
    const { log, files, done, append } = await open()
    append(batch(1), 'a')
    await settled()
    files.beforeCall = (operation, file) => {
      if (operation === 'write' && file.endsWith('.log')) throw systemError('ENOSPC', file)
    }
    append(batch(1), 'b')
    await settled()
    expect(done).toEqual(['a: KAFKA_STORAGE_ERROR', 'b: KAFKA_STORAGE_ERROR'])
    await files.release()
    expect([log.highWatermark, done.length]).toEqual([0, 2])
  })

  it('closes only when what waits is durable and acknowledged', async () => {
    const { log, files, done, append } = await open()
    append(batch(1), 'a')
    await settled()
    const closing = log.close()
    await settled()
    expect(done).toEqual([])
    files.holds = false
    await files.release()
    await closing
    expect(done).toEqual(['a@0'])
  })

  it('loses nothing acknowledged in a power failure at any moment, and has shown nothing that is lost', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = new SeededRandom(seed)
      const files = new HeldSyncs()
      const { log } = await open({ flushMessages: 1, segmentBytes: 400 }, files)
      let acknowledged = 0
      const moments: { survivor: MemoryFileSystem; acknowledged: number; seen: number }[] = []
      for (let step = 0; step < 60; step += 1) {
        if (random.fraction() < 0.6) {
          log.append(batch(1), 'client').then(
            ({ baseOffset }) => {
              acknowledged = Math.max(acknowledged, baseOffset + 1)
            },
            () => {},
          )
        } else await files.release()
        await nextTurn()
        if (random.fraction() > 0.15) continue
        const survivor = files.afterCrash(
          (_file, size, synced) => synced + Math.floor(random.fraction() * (size - synced)),
        )
        moments.push({ survivor, acknowledged, seen: log.highWatermark })
      }
      for (const { survivor, ...moment } of moments) {
        const again = await openLog(await openDirectory(survivor), { segmentBytes: 400 })
        const promised = Math.max(moment.acknowledged, moment.seen)
        const found = await readAll(again)
        expect(found.slice(0, promised)).toEqual(Array.from({ length: promised }, (_, offset) => offset))
        expect(found.at(-1) ?? -1).toBe(again.logEndOffset - 1)
        expect(found).toEqual([...new Set(found)].sort((left, right) => left - right))
      }
    }
  })

  it('makes durable what a crash has left before anybody reads it', async () => {
    const first = new MemoryFileSystem()
    await (await openLog(await openDirectory(first))).append(batch(3), 'client')
    const survivor = first.afterCrash()
    await survivor.replaceFile('data/topic-0/partition.metadata', '')
    const calls: string[] = []
    survivor.beforeCall = (operation, file) => {
      if (operation === 'sync') calls.push(file)
    }
    const directory = await openDirectory(survivor)
    const log = await openLog(directory, { flushMessages: 1 })
    expect([log.highWatermark, log.recoveryPoint, calls.length > 0]).toEqual([3, 3, true])
    const lax = await openLog(await openDirectory(first.afterCrash()))
    expect([lax.highWatermark, lax.recoveryPoint]).toEqual([3, 0])
  })

  it('works on real files', async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-fsync-'))
    try {
      const directory = await openDirectory(nodeFileSystem, { path: `${root}/new` })
      const log = await openLog(directory, { flushMessages: 1 })
      const results = await Promise.all(Array.from({ length: 50 }, () => log.append(batch(1), 'client')))
      expect(results.map(({ baseOffset }) => baseOffset)).toEqual(Array.from({ length: 50 }, (_, offset) => offset))
      expect(await readAll(log)).toHaveLength(50)
      await directory.close()
    } finally {
      fs.rmSync(root, { recursive: true, force: true })
    }
  })
})

describe('flush.messages=3', () => {
  it('lets the append wait with which three records are not durable, and those before it not', async () => {
    const { files, done, append } = await open({ flushMessages: 3 })
    append(batch(1), 'a')
    await settled()
    append(batch(1), 'b')
    await settled()
    expect([done, files.calls]).toEqual([['a@0', 'b@1'], []])
    append(batch(1), 'c')
    await settled()
    append(batch(1), 'd')
    await settled()
    expect([done.length, files.calls]).toEqual([2, ['sync']])
    await files.release()
    expect([done, files.calls.filter((call) => call === 'sync')]).toEqual([['a@0', 'b@1', 'c@2', 'd@3'], ['sync']])
  })

  it('is obeyed from the next append on when it changes', async () => {
    const { log, files, done, append } = await open({})
    append(batch(5), 'a')
    await settled()
    expect([done, files.calls]).toEqual([['a@0'], []])
    log.applyConfig(config({ flushMessages: 1 }))
    append(batch(1), 'b')
    await settled()
    expect(done).toEqual(['a@0'])
    await files.release()
    expect(done).toEqual(['a@0', 'b@5'])
  })
})
