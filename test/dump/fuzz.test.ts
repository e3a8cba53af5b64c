/** Damaged files of Kafka's: a dump tells of the damage and goes on; nothing makes it throw, and what is cut off is noticed. */
import { describe, expect, it } from 'vitest'
import { renderJson, renderText } from '../../src/dump/render.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { dump, inMemory, kafkaFiles } from './fixtures.ts'

/** Small enough for a thousand dumps in a second or two. */
const kafka = [...kafkaFiles()].filter(([, content]) => content.length > 0 && content.length < 8192)

async function dumpAll(name: string, content: Buffer, neighbours: ReadonlyMap<string, Buffer>): Promise<void> {
  const files = await inMemory([...neighbours, [name, content]])
  for (const options of [{ records: true }, { records: true, verify: true }]) {
    const { entries } = await dump(files, `/data/${name}`, options)
    for (const entry of entries) {
      const line = renderText(entry)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may get through
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
      expect(JSON.parse(renderJson(entry))).toMatchObject({ type: entry.type })
    }
  }
}

function segmentOf(name: string): Map<string, Buffer> {
  const log = name.replace(/\.\w+$/, '.log')
  return new Map(kafka.filter(([each]) => each === log && each !== name))
}

describe('damaged files', () => {
  it('are dumped, whatever bits are flipped', async () => {
    const random = new SeededRandom(4)
    for (let round = 0; round < 4; round += 1) {
      for (const [name, original] of kafka) {
        const content = Buffer.from(original)
        for (let flips = 1 + Math.floor(random.fraction() * 4); flips > 0; flips -= 1) {
          content[Math.floor(random.fraction() * content.length)]! ^= 1 << Math.floor(random.fraction() * 8)
        }
        await dumpAll(name, content, segmentOf(name))
      }
    }
  })

  it('are dumped, wherever they are cut off, and a cut log is noticed unless it is cut between batches', async () => {
    const random = new SeededRandom(5)
    for (const [name, original] of kafka) {
      const content = original.subarray(0, Math.floor(random.fraction() * original.length))
      await dumpAll(name, content, segmentOf(name))
      if (!name.endsWith('.log')) continue
      const files = await inMemory([[name, content]])
      const batches = (await dump(files, `/data/${name}`)).of('batch')
      const wholeBytes = batches.reduce((sum, { size }) => sum + (size as number), 0)
      const { problems } = await dump(files, `/data/${name}`, { verify: true })
      expect(problems, name).toBe(wholeBytes === content.length ? 0 : 1)
    }
  })

  it('are found: any flipped bit that a checksum covers', async () => {
    const random = new SeededRandom(6)
    for (const [name, original] of kafka.filter(([each]) => each.endsWith('.log'))) {
      const content = Buffer.from(original)
      const at = 21 + Math.floor(random.fraction() * (content.readInt32BE(8) + 12 - 21))
      content[at]! ^= 0x10
      const { problems } = await dump(await inMemory([[name, content]]), `/data/${name}`, { verify: true })
      expect(problems, `${name} at ${at}`).toBeGreaterThan(0)
    }
  })

  it('of noise say that they are noise', async () => {
    const random = new SeededRandom(7)
    for (const [name] of kafka) {
      await dumpAll(
        name,
        Buffer.from(Array.from({ length: 300 }, () => Math.floor(random.fraction() * 256))),
        new Map(),
      )
    }
  })
})
