/** What an owner learns of a broker whose disk fails. */
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startBroker } from '../../src/broker.ts'
import { systemError } from '../../src/runtime/memory-file-system.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { client } from './kafkajs.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Each sync of a file below `path` fails from here on. */
function failSyncs(path: string): void {
  const { open } = nodeFileSystem
  const spy = vi.spyOn(nodeFileSystem, 'open').mockImplementation(async (file, mode) => {
    const handle = await open.call(nodeFileSystem, file, mode)
    if (file.startsWith(path)) handle.sync = () => Promise.reject(systemError('EIO', file))
    return handle
  })
  onTestFinished(() => spy.mockRestore())
}

describe('a broker on a failing disk', () => {
  it('closes itself and tells its owner why when its only log directory has failed', async () => {
    const dataDir = await temporaryDirectory()
    const { logger, errors } = recordingLogger()
    let failed!: (error: Error) => void
    const failure = new Promise<Error>((resolve) => {
      failed = resolve
    })
    const broker = await startBroker({
      port: 0,
      dataDir,
      logger,
      onFailure: failed,
      settings: { 'log.flush.interval.messages': '1' },
    })
    onTestFinished(() => broker.close())
    failSyncs(dataDir)
    const admin = client(broker).admin()
    await expect(admin.createTopics({ topics: [{ topic: 'topic' }] }).finally(() => admin.disconnect())).resolves.toBe(
      true,
    )
    const producer = client(broker, 0).producer()
    await producer.connect()
    const sent = producer.send({ topic: 'topic', messages: [{ value: 'x' }] })
    await expect(sent.finally(() => producer.disconnect())).rejects.toThrow()
    expect((await failure).message).toMatch(/^the log directory .* has failed: .*EIO/)
    expect(errors).toContain('the broker can not go on and stops')
    await broker.close()
    expect(await readdir(dataDir)).not.toContain('.kafka_cleanshutdown')
    vi.restoreAllMocks()
    const again = await startBroker({ port: 0, dataDir })
    await again.close()
  })

  it('starts with what it can read of several directories, and says what it can not', async () => {
    const root = await temporaryDirectory()
    const [one, other] = [join(root, 'one'), join(root, 'other')]
    const settings = { 'log.dirs': `${one},${other}` }
    const first = await startBroker({ port: 0, settings })
    const admin = client(first).admin()
    await admin.createTopics({ topics: [{ topic: 'topic', numPartitions: 2 }] })
    await admin.disconnect()
    await first.close()
    const kept = await readdir(other)
    await rm(other, { recursive: true })
    await writeFile(other, 'no directory')
    const { logger, errors } = recordingLogger()
    const broker = await startBroker({ port: 0, settings, logger })
    onTestFinished(() => broker.close())
    expect(kept).toContain('meta.properties')
    expect(errors[0]).toMatch(/^the log directory .*other can't be used: .*: its partitions are offline$/)
    expect(errors[1]).toMatch(/^topic-\d is offline: it lies in a log directory that can't be read/)
    expect(errors).toHaveLength(2)
    await rm(other)
  })

  it('does not start when none can be used', async () => {
    const root = await temporaryDirectory()
    await writeFile(join(root, 'one'), '')
    await writeFile(join(root, 'other'), '')
    const settings = { 'log.dirs': `${join(root, 'one')},${join(root, 'other')}` }
    await expect(startBroker({ port: 0, settings })).rejects.toThrow(/^no log directory can be used: \S+, \S+$/)
  })
})
