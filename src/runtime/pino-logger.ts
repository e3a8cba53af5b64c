/**
 * runtime: pino behind our Logger: a readable line per event for people on a terminal, JSON when piped, both on stdout.
 * pino is loaded for the first line that is written: a broker that says nothing starts without it.
 */
import { createRequire } from 'node:module'
import { isatty } from 'node:tty'
import type { DestinationStream, Logger as PinoLogger } from 'pino'
import type { Logger } from './logger.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

interface PinoLoggerSettings {
  /** Below this nothing is written. */
  readonly level: LogLevel
  /** Where lines go instead of stdout. */
  readonly destination?: DestinationStream
  /** Readable lines instead of JSON; by default where stdout is a terminal. */
  readonly readable?: boolean
}

type Pino = typeof import('pino')['pino']
type PinoPretty = typeof import('pino-pretty')

const severity: Readonly<Record<LogLevel, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: 100,
}
const stdout = 1
const require = createRequire(import.meta.url)

export function createLogger(settings: PinoLoggerSettings): Logger {
  let pino: PinoLogger | undefined
  let lowest = settings.level
  const write = (level: 'debug' | 'info' | 'warn' | 'error') => {
    return (fields: object, message: string): void => {
      if (severity[level] < severity[lowest]) return
      pino ??= load({ ...settings, level: lowest })
      pino[level](fields, message)
    }
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    get level() {
      return lowest
    },
    set level(level: string) {
      if (!Object.hasOwn(severity, level)) throw new Error(`there is no log level ${level}`)
      lowest = level as LogLevel
      if (pino !== undefined) pino.level = level
    },
  }
}

function load({ level, destination, readable }: PinoLoggerSettings): PinoLogger {
  const pino = require('pino') as Pino
  // Synchronous, so that the last lines before an exit are not lost.
  const lines = destination ?? pino.destination({ dest: stdout, sync: true })
  const isReadable = readable ?? (destination === undefined && isatty(stdout))
  const serializers = { err: pino.stdSerializers.err, error: pino.stdSerializers.err }
  return pino({ level, base: null, serializers }, isReadable ? prettified(lines, destination === undefined) : lines)
}

function prettified(lines: DestinationStream, colorize: boolean): DestinationStream {
  const { prettyFactory } = require('pino-pretty') as PinoPretty
  const format = prettyFactory({ singleLine: true, translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l', colorize })
  return { write: (line) => lines.write(format(line)) }
}
