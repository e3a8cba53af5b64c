import { describe, expect, it } from 'vitest'
import { type Logger, silentLogger } from '../../src/runtime/logger.ts'
import { RequestLog } from '../../src/telemetry/request-log.ts'

const request = {
  ...{ api: 'Produce', apiVersion: 9, correlationId: 4, clientId: 'app', user: 'ANONYMOUS' },
  ...{ connection: { id: 'a-b-0', listener: 'PLAINTEXT' }, requestBytes: 10, responseBytes: 20 },
  ...{ totalMs: 12.34567, threadMs: 0.5, throttleMs: 0 },
}

function recording(level: 'debug' | 'warn') {
  const lines: [level: string, fields: object, message: string][] = []
  const at = (name: string) => (fields: object, message: string) => void lines.push([name, fields, message])
  const isLevelEnabled = (name: string): boolean => name !== 'debug' || level === 'debug'
  const logger: Logger = { ...silentLogger, debug: at('debug'), warn: at('warn'), isLevelEnabled }
  return { logger, lines }
}

describe('the log of requests', () => {
  it('is none where nothing would be written', () => {
    expect(RequestLog.open(recording('warn').logger, -1)).toBeUndefined()
    expect(RequestLog.open(silentLogger, -1)).toBeUndefined()
  })

  it('has each request at debug', () => {
    const { logger, lines } = recording('debug')
    RequestLog.open(logger, -1)!.answered(request)
    expect(lines).toEqual([
      ['debug', expect.objectContaining({ api: 'Produce', version: 9, clientId: 'app', totalMs: 12.346 }), 'request'],
    ])
  })

  it('has slow requests as warnings', () => {
    const { logger, lines } = recording('warn')
    const log = RequestLog.open(logger, 12)!
    log.answered(request)
    log.answered({ ...request, totalMs: 12 })
    expect(lines).toEqual([['warn', expect.objectContaining({ slowMs: 12, totalMs: 12.346 }), 'a request was slow']])
  })
})
