import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import vm from 'node:vm'
import { afterEach, expect, it, vi } from 'vitest'
import { runBundle } from '../../src/runtime/code-cache.ts'
import { temporaryDirectory } from '../broker/temporary-directory.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const content = `(function (exports, require, module, __filename, importModule) {
  module.exports = { answer: () => 42, os: () => importModule("node:os"), sep: require("node:path").sep }
})`

async function bundle(): Promise<{ file: string; cached: () => string | undefined }> {
  const directory = await temporaryDirectory()
  const file = `${directory}/bundle.cjs`
  writeFileSync(file, content)
  const cached = (): string | undefined => {
    const name = readdirSync(directory).find((each) => /^bundle\.cjs\.[0-9a-f]+\.cache$/.test(each))
    return name === undefined ? undefined : `${directory}/${name}`
  }
  return { file, cached }
}

/** Runs it and gives V8's opinion of what was cached: undefined where there was nothing. */
function runsFromCache(file: string, digest: string): boolean | undefined {
  const ran = vi.spyOn(vm.Script.prototype, 'runInThisContext')
  const exports = runBundle(file, digest, 0) as { answer(): number }
  expect(exports.answer()).toBe(42)
  const { cachedDataRejected } = ran.mock.contexts[0] as vm.Script
  ran.mockRestore()
  return cachedDataRejected === undefined ? undefined : !cachedDataRejected
}

/** Runs it until what was compiled is written down. */
async function fill(file: string, cached: () => string | undefined): Promise<string> {
  expect(runsFromCache(file, 'one')).toBeUndefined()
  return await vi.waitFor(() => cached() ?? expect.fail('nothing was written yet'))
}

it('gives a bundle what CommonJS gives it, and import()', async () => {
  const { file } = await bundle()
  const exports = runBundle(file, 'one', 0) as { os(): Promise<{ EOL: string }>; sep: string }
  expect(exports.sep).toBe('/')
  expect((await exports.os()).EOL).toBe('\n')
})

it('runs from what was compiled the last time', async () => {
  const { file, cached } = await bundle()
  const cache = await fill(file, cached)
  const { mtimeMs } = statSync(cache)
  expect(runsFromCache(file, 'one')).toBe(true)
  expect(statSync(cache).mtimeMs).toBe(mtimeMs)
})

it('believes nothing that was compiled from another bundle', async () => {
  const { file, cached } = await bundle()
  await fill(file, cached)
  expect(runsFromCache(file, 'two')).toBeUndefined()
})

it('believes nothing that is torn, and writes it anew', async () => {
  const { file, cached } = await bundle()
  const cache = await fill(file, cached)
  const whole = readFileSync(cache)
  const torn = Buffer.from(whole)
  torn.fill(0, torn.length >> 1)
  writeFileSync(cache, torn)
  expect(runsFromCache(file, 'one')).toBeUndefined()
  await vi.waitFor(() => expect(readFileSync(cache).equals(torn)).toBe(false))
  expect(runsFromCache(file, 'one')).toBe(true)
})

it('runs where nothing can be written', async () => {
  const { file, cached } = await bundle()
  const failed = vi.spyOn(vm.Script.prototype, 'createCachedData')
  expect(runsFromCache(file, 'one')).toBeUndefined()
  rmSync(dirname(file), { recursive: true })
  await vi.waitFor(() => expect(failed).toHaveBeenCalled())
  expect(existsSync(file)).toBe(false)
  expect(cached).toThrow('ENOENT')
})
