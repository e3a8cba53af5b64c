/** telemetry: logs requests: each at debug, slow ones as warnings. */
import type { Logger } from '../runtime/logger.ts'

/** A request as the server tells of it. */
interface LoggedRequest {
  readonly api: string
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly user: string
  readonly connection: { readonly id: string; readonly listener: string }
  readonly requestBytes: number
  readonly responseBytes: number
  readonly totalMs: number
  readonly threadMs: number
  readonly throttleMs: number
}

export class RequestLog {
  readonly #logger: Logger
  readonly #slowMs: number

  /** `slowMs`: negative: no request is slow. */
  constructor(logger: Logger, slowMs: number) {
    this.#logger = logger
    this.#slowMs = slowMs
  }

  /** Undefined where nothing would be written, so that requests need not be timed. */
  static open(logger: Logger, slowMs: number): RequestLog | undefined {
    return slowMs >= 0 || logger.isLevelEnabled?.('debug') === true ? new RequestLog(logger, slowMs) : undefined
  }

  answered(request: LoggedRequest): void {
    const isSlow = this.#slowMs >= 0 && request.totalMs > this.#slowMs
    if (!isSlow && this.#logger.isLevelEnabled?.('debug') !== true) return
    const { api, apiVersion, correlationId, clientId, user, connection, requestBytes, responseBytes } = request
    const fields = {
      api,
      version: apiVersion,
      correlationId,
      clientId,
      user,
      connection: connection.id,
      listener: connection.listener,
      requestBytes,
      responseBytes,
      totalMs: rounded(request.totalMs),
      threadMs: rounded(request.threadMs),
      throttleMs: request.throttleMs,
    }
    if (isSlow) this.#logger.warn({ ...fields, slowMs: this.#slowMs }, 'a request was slow')
    else this.#logger.debug(fields, 'request')
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
