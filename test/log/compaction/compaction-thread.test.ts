/** Compaction in a thread of its own, as the bundle does it. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compactorInThread } from '../../../src/log/compaction/compaction-thread.ts'
import { realClock } from '../../../src/runtime/clock.ts'
import { nodeFileSystem } from '../../../src/runtime/node-file-system.ts'
import { threadModule, WorkerThread } from '../../../src/runtime/worker-thread.ts'
import { batch, openDirectory, openLog, readAll } from '../fixtures.ts'

const root = path.resolve(import.meta.dirname, '../../..')
/** Within the package, so that the bundle finds its dependencies. */
const folder = path.join(root, 'node_modules', '.cache', `odradek-thread-${process.pid}`)
let module: URL
let data: string

beforeAll(async () => {
  await build({
    entryPoints: [path.join(root, 'src/compaction-thread.ts')],
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'silent',
  })
  module = pathToFileURL(path.join(folder, 'compaction-thread.js'))
  data = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-thread-'))
})

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true })
  fs.rmSync(data, { recursive: true, force: true })
})

it('leaves what compaction in this thread leaves, and tells what went wrong', async () => {
  const compactor = compactorInThread(module)
  const directory = await openDirectory(nodeFileSystem, { path: data, clock: realClock, compactor })
  const log = await openLog(directory, { compacted: true, segmentBytes: 500, minCleanableDirtyRatio: 0 })
  for (let round = 0; round < 20; round += 1) await log.append(batch(2, { key: `k${round % 4}` }), 'client')
  await directory.compact()
  expect(log.compaction.failure).toBeUndefined()
  const offsets = await readAll(log)
  expect(offsets.length).toBeLessThan(20)
  expect(offsets.at(-1)).toBe(39)
  for (let round = 0; round < 20; round += 1) await log.append(batch(2, { key: `k${round % 4}` }), 'client')
  const [last] = fs
    .readdirSync(path.join(data, 'topic-0'))
    .filter((each) => each.endsWith('.log'))
    .slice(-2)
  fs.truncateSync(path.join(data, 'topic-0', last!), 70)
  await directory.compact()
  expect(String(log.compaction.failure)).toMatch(/is damaged at byte \d+/)
  await directory.close()
})

it('can be given up at any time', async () => {
  const thread = new WorkerThread(module, {})
  const asked = thread.ask({})
  await thread.terminate()
  await expect(asked).rejects.toThrow('ended')
  await expect(thread.ask({})).rejects.toThrow('ended')
})

it('is only there where the bundle is', () => {
  expect(threadModule('compaction-thread.js', import.meta.url)).toBeUndefined()
  expect(threadModule('compaction-thread.js', module.href)?.href).toBe(module.href)
  expect(threadModule('compaction-thread.js', pathToFileURL(path.join(folder, 'chunks', 'x.js')).href)?.href).toBe(
    module.href,
  )
})
