/** The command's flags, its exit code, and its output's reader. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { dumpLogCommand } from '../../src/dump/command.ts'
import { temporaryDirectory } from '../broker/temporary-directory.ts'
import { batch } from '../log/fixtures.ts'

const name = '00000000000000000000.log'

async function segment(content: Buffer): Promise<string> {
  const path = join(await temporaryDirectory(), name)
  await writeFile(path, content)
  return path
}

async function run(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const stdout = new PassThrough()
  const chunks: Buffer[] = []
  stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const code = await dumpLogCommand(args, stdout)
  return { code, lines: Buffer.concat(chunks).toString('utf8').trimEnd().split('\n') }
}

describe('odradek dump-log', () => {
  it('shows the batches of a file, and with --records each record', async () => {
    const path = await segment(batch(3))
    expect((await run(path)).lines.map((line) => line.split(' ')[0])).toEqual(['Dumping', 'batch'])
    const { code, lines } = await run('--records', path)
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['Dumping', 'batch', '|', '|', '|'])
    expect(code).toBe(0)
  })

  it('prints JSON lines', async () => {
    const { lines } = await run(await segment(batch(2)), '--json', '--records')
    const entries = lines.map((line) => JSON.parse(line) as { type: string; isValid?: boolean; producerId?: string })
    expect(entries.map(({ type }) => type)).toEqual(['file', 'batch', 'record', 'record'])
    expect(entries[1]).toMatchObject({ isValid: true, producerId: '-1', baseOffset: 0, lastOffset: 1, count: 2 })
  })

  it('exits with 1 when it verifies and something is wrong, and only then', async () => {
    const whole = batch(3)
    const good = await segment(whole)
    expect(await run(good, '--verify')).toMatchObject({ code: 0, lines: [expect.stringMatching(/nothing is wrong$/)] })
    const torn = await segment(whole.subarray(0, whole.length - 1))
    expect((await run(torn)).code).toBe(0)
    const { code, lines } = await run(torn, '--verify')
    expect(code).toBe(1)
    expect(lines).toEqual([
      `${torn}: at byte 0: a batch of ${whole.length} bytes starts here, but only ${whole.length - 1} are left: torn`,
      expect.stringMatching(/1 problem$/),
    ])
  })

  it('ends quietly when its reader has had enough', async () => {
    const closed = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    })
    expect(await dumpLogCommand([await segment(batch(3)), '--records'], closed)).toBe(0)
  })

  it('holds no more than a chunk of lines for a slow reader', async () => {
    const path = await segment(
      Buffer.concat(Array.from({ length: 3000 }, (_, index) => batch(1, {}, { baseOffset: index }))),
    )
    let largest = 0
    let written = 0
    const slow = new Writable({
      write(chunk: Buffer, _encoding, done) {
        largest = Math.max(largest, chunk.length)
        written += chunk.length
        setImmediate(done)
      },
    })
    await dumpLogCommand([path], slow)
    expect(written).toBeGreaterThan(1_000_000)
    expect(largest).toBeLessThan(100_000)
  })

  it('explains itself, and what is wrong with how it was called', async () => {
    const { code, lines } = await run('--help')
    expect(code).toBe(0)
    for (const flag of ['--records', '--json', '--verify']) expect(lines.join('\n')).toContain(flag)
    expect(lines.join('\n')).toContain('may still be writing')
    await expect(run()).rejects.toThrow('it takes one file or directory (see odradek dump-log --help)')
    await expect(run('a', 'b')).rejects.toThrow('it takes one file or directory')
    await expect(run('--deep', 'a')).rejects.toThrow(/Unknown option '--deep'/)
  })
})
