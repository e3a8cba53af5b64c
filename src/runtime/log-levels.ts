/**
 * runtime: which lines each room's logger lets through, as it can be changed while the broker runs. Loggers are named as those of Kafka that
 * tell of the same; one without a level of its own has that of `root`.
 */
import type { Logger } from './logger.ts'

/** Kafka's names, the least severe first. Nothing of ours is FATAL: that level lets nothing through. */
export const logLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
export type LogLevelName = (typeof logLevels)[number]

export const rootLogger = 'root'

/** pino's name for each, where it has one. */
const pinoLevels: Readonly<Record<string, LogLevelName>> = {
  trace: 'TRACE',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  fatal: 'FATAL',
  silent: 'FATAL',
}

export class LogLevels {
  readonly #target: Logger
  readonly #levels = new Map<string, LogLevelName>()
  readonly #names = new Set([rootLogger])
  readonly #listeners = new Set<() => void>()
  #root: LogLevelName

  /** `target`: where lines go; its own level, if it has one, is that of `root` at first, and follows what is let through. */
  constructor(target: Logger) {
    this.#target = target
    this.#root = pinoLevels[target.level ?? 'info'] ?? 'INFO'
  }

  /** All that have been made, and `root`, in the order of their names. */
  get names(): readonly string[] {
    return [...this.#names].sort()
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** What holds for a logger: its own level or that of `root`. */
  levelOf(name: string): LogLevelName {
    return this.#levels.get(name) ?? this.#root
  }

  setLevel(name: string, level: LogLevelName): void {
    if (name === rootLogger) this.#root = level
    else this.#levels.set(name, level)
    this.#changed()
  }

  /** From now on it has the level of `root`. */
  unsetLevel(name: string): void {
    this.#levels.delete(name)
    this.#changed()
  }

  /** Calls `listener` whenever a level has been set or unset, until what it returns is called. */
  onChanged(listener: () => void): () => void {
    const own = (): void => listener()
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** The logger of that name, made if need be. */
  logger(name: string): Logger {
    this.#names.add(name)
    const write = (level: 'debug' | 'info' | 'warn' | 'error', severity: LogLevelName) => {
      return (fields: object, message: string): void => {
        if (logLevels.indexOf(severity) >= logLevels.indexOf(this.levelOf(name))) this.#target[level](fields, message)
      }
    }
    return {
      debug: write('debug', 'DEBUG'),
      info: write('info', 'INFO'),
      warn: write('warn', 'WARN'),
      error: write('error', 'ERROR'),
      isLevelEnabled: (level) =>
        logLevels.indexOf(pinoLevels[level] ?? 'FATAL') >= logLevels.indexOf(this.levelOf(name)),
    }
  }

  #changed(): void {
    this.#openTarget()
    for (const listener of this.#listeners) listener()
  }

  /** The target lets through what any logger does. */
  #openTarget(): void {
    if (this.#target.level === undefined) return
    const lowest = Math.min(...[this.#root, ...this.#levels.values()].map((level) => logLevels.indexOf(level)))
    this.#target.level = logLevels[lowest]!.toLowerCase()
  }
}
