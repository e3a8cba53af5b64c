/** The simulation finds nothing in the log as it is, repeats itself, and notices when the storage is broken on purpose. */
import { describe, expect, it } from 'vitest'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { type Sabotage, simulate } from './simulation.ts'

const seeds = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index)

describe('the storage simulation', () => {
  it.each(seeds(0, 5))('finds nothing wrong with the log, part %i', async (part) => {
    for (const seed of seeds(100_000 + part * 10, 10)) {
      expect(await simulate(seed)).toMatchObject({ seed, failure: undefined })
    }
  })

  it('does the same for the same seed, and something else for another', async () => {
    const [first, again, other] = [await simulate(7), await simulate(7), await simulate(8)]
    expect(again.hash).toBe(first.hash)
    expect(other.hash).not.toBe(first.hash)
  })
})

/** The file system without some of what it does for real. */
function without(change: (files: FileSystem) => Partial<FileSystem>): Sabotage {
  const files = (real: FileSystem): FileSystem =>
    new Proxy(real, {
      get(target, name) {
        const changed = change(target)[name as keyof FileSystem]
        if (changed !== undefined) return changed
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  return { files }
}

/** With the calls of each handle on a `.log` file as `change` has them. */
function withLogs(change: (handle: Awaited<ReturnType<FileSystem['open']>>) => object): Sabotage {
  return without((real) => ({
    open: async (path, mode) => {
      const handle = await real.open(path, mode)
      return path.endsWith('.log') ? { ...handle, ...change(handle) } : handle
    },
  }))
}

const sabotages: Record<string, Sabotage> = {
  'records are not synced': withLogs(() => ({ sync: async () => {} })),
  'directories are not synced': without(() => ({ syncDirectory: async () => {} })),
  'checkpoints are not synced': without((real) => ({
    replaceFile: (path, content) => real.replaceFile(path, content, 'unsynced'),
  })),
  'a byte is changed on its way to the disk, long after its checksum was made': withLogs((handle) => ({
    writeNow: (position: number, chunks: readonly Uint8Array[]) => {
      const bytes = Buffer.concat(chunks)
      if (bytes.length > 500) bytes[bytes.length - 1] = bytes[bytes.length - 1]! ^ 1
      handle.writeNow(position, [bytes])
    },
  })),
  'nothing is ever removed': without((real) => ({ remove: (path) => real.exists(path).then(() => {}) })),
  'the recovery point is where the log ends': {
    log: (log: LocalPartitionLog) => {
      Object.defineProperty(log, 'recoveryPoint', { get: () => log.logEndOffset })
    },
  },
  'the last stable offset is the high watermark': {
    log: (log: LocalPartitionLog) => {
      Object.defineProperty(log, 'lastStableOffset', { get: () => log.highWatermark })
    },
  },
}

describe('storage that is broken on purpose', () => {
  it.each(Object.entries(sabotages))('is noticed: %s', async (_name, sabotage) => {
    let failure: string | undefined
    for (let seed = 1; seed <= 30 && failure === undefined; seed += 1) {
      failure = (await simulate(seed, { sabotage })).failure
    }
    expect(failure).toBeDefined()
  })
})
