/**
 * runtime: runs the bundle with what V8 has made of it the last time, which is written beside it: compiling it again takes about half of a start.
 *
 * A file of its own for each V8, its flags and its processor: `<bundle>.<tag>.cache`, SHA-256 (32 bytes) | V8's code cache. The digest is of the
 * bundle's own digest and the cache, so that neither a torn file nor that of another bundle is believed. Who can write there could change
 * the bundle as well. Where nothing can be written every start compiles.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { cachedDataVersionTag } from 'node:v8'
import vm from 'node:vm'

const digestBytes = 32
/** By then a start is over, and what it ran is compiled. */
const saveAfterMs = 3000

/** What CommonJS gives a module, and `import()`, which V8 scripts of their own lack. */
type Run = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  file: string,
  importModule: (name: string) => Promise<unknown>,
) => void

/**
 * The exports of the CommonJS bundle `file`, a path, which says `importModule` for `import`. `digest`: of its content, any text. `saveAfter`: when what was compiled is written down; after
 * three seconds unless told.
 */
export function runBundle(file: string, digest: string, saveAfter = saveAfterMs): Record<string, unknown> {
  const cacheFile = `${file}.${cachedDataVersionTag().toString(16)}.cache`
  const cachedData = readCache(cacheFile, digest)
  // esbuild writes ASCII: so V8 keeps it as bytes, and as it was read: not a second time.
  const script = new vm.Script(fs.readFileSync(file, 'latin1'), {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  })
  const module = { exports: {} }
  const run = script.runInThisContext() as Run
  run(module.exports, createRequire(file), module, file, (name) => import(name))
  const isFresh = cachedData === undefined || script.cachedDataRejected === true
  if (isFresh) setTimeout(() => writeCache(cacheFile, digest, script), saveAfter).unref()
  return module.exports
}

function readCache(cacheFile: string, digest: string): Buffer | undefined {
  try {
    const content = fs.readFileSync(cacheFile)
    const data = content.subarray(digestBytes)
    return digestOf(digest, data).equals(content.subarray(0, digestBytes)) ? data : undefined
  } catch {
    // There is none yet, or it can't be read: the bundle is compiled.
    return undefined
  }
}

function writeCache(cacheFile: string, digest: string, script: vm.Script): void {
  const temporary = `${cacheFile}.${process.pid}.tmp`
  try {
    const data = script.createCachedData()
    fs.writeFileSync(temporary, digestOf(digest, data), { flag: 'wx' })
    fs.appendFileSync(temporary, data)
    fs.renameSync(temporary, cacheFile)
  } catch {
    // A folder that is not ours to write to: the next start compiles, too.
    fs.rmSync(temporary, { force: true })
  }
}

function digestOf(digest: string, data: Buffer): Buffer {
  return createHash('sha256').update(digest).update(data).digest()
}
