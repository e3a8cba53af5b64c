import { describe, expect, it } from 'vitest'
import { LogLevels } from '../../src/runtime/log-levels.ts'
import { type Logger, silentLogger } from '../../src/runtime/logger.ts'
import { type LoggedRequest, RequestLog } from '../../src/telemetry/request-log.ts'

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

/** Of a broker at `level`. */
function kept(level: 'debug' | 'warn', slowMs = -1) {
  const observers: { answered(request: LoggedRequest): void }[] = []
  const { logger, lines } = recording(level)
  const levels = new LogLevels({ ...logger, level })
  const end = RequestLog.keepAmong(observers, levels, { name: 'requests', slowMs })
  const answer = (): void => {
    for (const observer of observers) observer.answered(request)
  }
  return { observers, levels, lines, end, answer }
}

describe('the log of requests', () => {
  it('is none where nothing would be written', () => {
    expect(kept('warn').observers).toEqual([])
    expect(kept('debug').observers).toHaveLength(1)
    expect(kept('warn', 500).observers).toHaveLength(1)
  })

  it('begins and ends as its level, or that of root, changes', () => {
    const { levels, lines, answer } = kept('warn')
    levels.setLevel('requests', 'TRACE')
    answer()
    levels.unsetLevel('requests')
    answer()
    expect(lines).toHaveLength(1)
    levels.setLevel('root', 'DEBUG')
    levels.setLevel('root', 'DEBUG')
    answer()
    expect(lines).toHaveLength(2)
  })

  it('hears of levels until its broker is closed', () => {
    const { observers, levels, end } = kept('warn')
    end()
    levels.setLevel('requests', 'DEBUG')
    expect(observers).toEqual([])
  })

  it('has each request at debug', () => {
    const { logger, lines } = recording('debug')
    new RequestLog(logger, -1).answered(request)
    expect(lines).toEqual([
      ['debug', expect.objectContaining({ api: 'Produce', version: 9, clientId: 'app', totalMs: 12.346 }), 'request'],
    ])
  })

  it('has slow requests as warnings', () => {
    const { logger, lines } = recording('warn')
    const log = new RequestLog(logger, 12)
    log.answered(request)
    log.answered({ ...request, totalMs: 12 })
    expect(lines).toEqual([['warn', expect.objectContaining({ slowMs: 12, totalMs: 12.346 }), 'a request was slow']])
  })
})
