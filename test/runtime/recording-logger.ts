/** test: a logger that keeps the messages of warnings and errors. */
import { type Logger, silentLogger } from '../../src/runtime/logger.ts'

export function recordingLogger(): { logger: Logger; warnings: string[]; errors: string[] } {
  const warnings: string[] = []
  const errors: string[] = []
  const logger = {
    ...silentLogger,
    warn: (_fields: object, message: string) => void warnings.push(message),
    error: (_fields: object, message: string) => void errors.push(message),
  }
  return { logger, warnings, errors }
}
