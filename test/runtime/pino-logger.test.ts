import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../../src/runtime/pino-logger.ts'

function lines(): { lines: string[]; write(line: string): void } {
  const collected: string[] = []
  return { lines: collected, write: (line) => void collected.push(line) }
}

describe('the logger', () => {
  it('writes one JSON object per event when piped', () => {
    const destination = lines()
    createLogger({ level: 'info', destination }).warn({ topic: 'orders', partition: 3 }, 'partition is offline')

    expect(destination.lines).toHaveLength(1)
    expect(JSON.parse(destination.lines[0]!)).toMatchObject({
      level: 40,
      topic: 'orders',
      partition: 3,
      msg: 'partition is offline',
    })
  })

  it.each(['err', 'error'])('keeps an error with its stack, named %s', (name) => {
    const destination = lines()
    createLogger({ level: 'info', destination }).error({ [name]: new TypeError('no such thing') }, 'failed')

    const err = JSON.parse(destination.lines[0]!)[name]
    expect(err).toMatchObject({ type: 'TypeError', message: 'no such thing' })
    expect(err.stack).toContain('pino-logger.test')
  })

  it('leaves out what is below its level', () => {
    const destination = lines()
    const logger = createLogger({ level: 'warn', destination })
    logger.debug({}, 'a')
    logger.info({}, 'b')
    logger.warn({}, 'c')
    logger.error({}, 'd')
    expect(destination.lines.map((line) => JSON.parse(line).msg)).toEqual(['c', 'd'])
  })

  it('writes nothing when silent', () => {
    const destination = lines()
    createLogger({ level: 'silent', destination }).error({}, 'a')
    expect(destination.lines).toEqual([])
  })

  it('writes a readable line with its fields for people', () => {
    const destination = lines()
    createLogger({ level: 'info', destination, readable: true }).info({ port: 9092 }, 'listening')

    expect(destination.lines).toHaveLength(1)
    expect(destination.lines[0]).toMatch(
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] INFO: listening \{"port":9092\}\n$/,
    )
  })

  it('loads pino only for the first line that is written', () => {
    const path = new URL('../../src/runtime/pino-logger.ts', import.meta.url).href
    const script = `
      import { createRequire } from 'node:module'
      import { createLogger } from '${path}'
      const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some((name) => name.includes('pino'))
      const logger = createLogger({ level: 'warn' })
      logger.info({}, 'not written')
      const before = isLoaded()
      logger.warn({ before, after: true }, 'written')
      process.exit(isLoaded() ? 0 : 1)`
    const tsx = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).href
    const output = execFileSync(process.execPath, ['--import', tsx, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    expect(JSON.parse(output)).toMatchObject({ before: false, after: true, msg: 'written' })
  })
})
