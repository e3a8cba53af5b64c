import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { SimulatedDisk } from '../../src/runtime/simulated-disk.ts'
import { SimulatedFileSystem } from '../../src/runtime/simulated-file-system.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-files-'))
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

describe.each<[string, FileSystem, string]>([
  ['files in memory', new MemoryFileSystem(), 'root'],
  ['files on disk', nodeFileSystem, root],
  ['simulated files', new SimulatedFileSystem(new SimulatedDisk(), new SeededRandom(1)), 'root'],
])('%s', (_name, files, base) => {
  it('reads what was written, wherever and in whatever pieces', async () => {
    await files.makeDirectory(`${base}/random`)
    const random = new SeededRandom(3)
    const pick = (limit: number): number => Math.floor(random.fraction() * limit)
    const file = await files.open(`${base}/random/file`, 'write')
    let model = Buffer.alloc(0)
    for (let step = 0; step < 300; step += 1) {
      const position = pick(3) === 0 ? pick(model.length + 100) : model.length
      const chunks = Array.from({ length: 1 + pick(3) }, () => random.bytes(pick(4000)))
      const bytes = Buffer.concat(chunks)
      if (pick(2) === 0) file.writeNow(position, chunks)
      else await file.write(position, chunks)
      if (bytes.length > 0) {
        const grown = Buffer.alloc(Math.max(model.length, position + bytes.length))
        model.copy(grown)
        bytes.copy(grown, position)
        model = grown
      }
      if (pick(20) === 0) {
        const length = pick(model.length)
        await file.truncate(length)
        model = model.subarray(0, length)
      }
      const from = pick(model.length + 10)
      const length = pick(10_000)
      expect(file.readNow(from, length).equals(model.subarray(from, from + length))).toBe(true)
      expect((await file.read(from, length)).equals(model.subarray(from, from + length))).toBe(true)
    }
    expect(await file.size()).toBe(model.length)
    await file.sync()
    await file.close()
    expect((await files.readFile(`${base}/random/file`)).equals(model)).toBe(true)
    expect(await files.sizeOf(`${base}/random/file`)).toBe(model.length)
  })

  it('writes more buffers than one call takes', async () => {
    await files.makeDirectory(base)
    const chunks = Array.from({ length: 3000 }, (_, index) => Buffer.from([index & 0xff]))
    const file = await files.open(`${base}/many`, 'write')
    file.writeNow(0, chunks)
    await file.write(3000, chunks)
    expect(await file.read(0, 10_000)).toEqual(Buffer.concat([...chunks, ...chunks]))
    await file.close()
  })

  it('makes, lists, renames and removes', async () => {
    await files.makeDirectory(`${base}/a/b/c`)
    await files.replaceFile(`${base}/a/b/two`, '2')
    await files.replaceFile(`${base}/a/b/one`, '1', 'unsynced')
    await files.replaceFile(`${base}/a/b/one`, 'one')
    expect(await files.list(`${base}/a/b`)).toEqual(['c', 'one', 'two'])
    await files.rename(`${base}/a/b`, `${base}/a/d`)
    expect(await files.list(`${base}/a`)).toEqual(['d'])
    expect((await files.readFile(`${base}/a/d/one`)).toString()).toBe('one')
    await files.syncDirectory(`${base}/a`)
    await files.remove(`${base}/a/d/one`)
    expect(await files.exists(`${base}/a/d/one`)).toBe(false)
    await files.remove(`${base}/a`)
    await files.remove(`${base}/a`)
    expect(await files.exists(`${base}/a/d`)).toBe(false)
    expect((await files.space(base)).usableBytes).toBeGreaterThan(0)
  })

  it('says ENOENT for what is missing', async () => {
    const missing = expect.objectContaining({ code: 'ENOENT' })
    await expect(files.open(`${base}/missing`, 'read')).rejects.toEqual(missing)
    await expect(files.open(`${base}/missing/file`, 'write')).rejects.toEqual(missing)
    await expect(files.readFile(`${base}/missing`)).rejects.toEqual(missing)
    await expect(files.list(`${base}/missing`)).rejects.toEqual(missing)
    await expect(files.sizeOf(`${base}/missing`)).rejects.toEqual(missing)
    await expect(files.rename(`${base}/missing`, `${base}/other`)).rejects.toEqual(missing)
  })

  it('says ENOTDIR for a file whose names are asked for', async () => {
    await files.makeDirectory(base)
    await files.replaceFile(`${base}/no-directory`, 'x')
    await expect(files.list(`${base}/no-directory`)).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  it('gives a lock to one at a time', async () => {
    await files.makeDirectory(base)
    const release = await files.lock(`${base}/.lock-of-ours`)
    await expect(files.lock(`${base}/.lock-of-ours`)).rejects.toMatchObject({ code: 'ELOCKED' })
    await release()
    await (await files.lock(`${base}/.lock-of-ours`))()
  })
})

describe('MemoryFileSystem', () => {
  it('keeps views true when the bytes beneath are written again', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('d')
    const file = await files.open('d/f', 'write')
    file.writeNow(0, [Buffer.from('before')])
    const view = file.readNow(0, 6)
    file.writeNow(0, [Buffer.from('after!')])
    await file.truncate(3)
    file.writeNow(3, [Buffer.from('xxx')])
    expect(view.toString()).toBe('before')
    expect(file.readNow(0, 6).toString()).toBe('aftxxx')
  })

  it('fails the calls that it is told to', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('d')
    const file = await files.open('d/f', 'write')
    let writes = 0
    files.beforeCall = (operation, name) => {
      if (operation === 'write' && ++writes === 2) throw systemError('ENOSPC', name)
    }
    file.writeNow(0, [Buffer.from('1')])
    expect(() => file.writeNow(1, [Buffer.from('2')])).toThrow('ENOSPC')
    await file.write(1, [Buffer.from('3')])
    expect(file.readNow(0, 9).toString()).toBe('13')
  })

  it('leaves after a crash what was kept of each file', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('d')
    const file = await files.open('d/f', 'write')
    file.writeNow(0, [Buffer.from('synced')])
    await file.sync()
    file.writeNow(6, [Buffer.from(' and not')])
    await files.lock('d/lock')
    expect((await files.afterCrash().readFile('d/f')).toString()).toBe('synced and not')
    const survivor = files.afterCrash((_path, _size, syncedSize) => syncedSize + 1)
    expect((await survivor.readFile('d/f')).toString()).toBe('synced ')
    await survivor.lock('d/lock')
    file.writeNow(0, [Buffer.from('ghost!')])
    expect((await survivor.readFile('d/f')).toString()).toBe('synced ')
  })
})
