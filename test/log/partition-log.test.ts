/** The PartitionLog contract, against each implementation. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { openDirectory, startMs } from './fixtures.ts'
import { describePartitionLog } from './partition-log-contract.ts'
import { UnreliablePartitionLog } from './unreliable-partition-log.ts'

describePartitionLog('LocalPartitionLog in memory', async (config) => {
  const files = new MemoryFileSystem()
  const directory = await openDirectory(files)
  const log = await directory.openPartition({ topic: 'topic', partition: 0, config })
  const failNextWrite = (): void => {
    files.beforeCall = (operation, file) => {
      if (operation === 'write' && file.endsWith('.log')) throw systemError('ENOSPC', file)
    }
  }
  return { log, failNextWrite, close: () => directory.close() }
})

describePartitionLog('LocalPartitionLog in memory, with a small tail cache and small segments', async (config) => {
  const directory = await openDirectory(new MemoryFileSystem(), { limits: { tailCacheBytes: 0, maxOpenFiles: 1 } })
  const small = { ...config, segmentBytes: Math.min(config.segmentBytes, 3000), indexIntervalBytes: 100 }
  const log = await directory.openPartition({ topic: 'topic', partition: 0, config: small })
  return { log, close: () => directory.close() }
})

describePartitionLog('LocalPartitionLog in files', async (config) => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-log-'))
  const directory = await openDirectory(nodeFileSystem, { path: root })
  const log = await directory.openPartition({ topic: 'topic', partition: 0, config })
  const close = async (): Promise<void> => {
    await directory.close()
    fs.rmSync(root, { recursive: true, force: true })
  }
  return { log, close }
})

describePartitionLog('UnreliablePartitionLog', async (config) => {
  const clock = new SimulatedClock(startMs)
  const log = new UnreliablePartitionLog({ config, clock, random: new SeededRandom(7) })
  return { log, failNextWrite: () => log.failNextWrite(), close: () => log.close() }
})
