/** server: what somebody is told who wants to know of every request: metrics, and the log of requests. */

export interface AnsweredRequest {
  readonly apiKey: number
  /** `Produce` */
  readonly api: string
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly user: string
  readonly connection: { readonly id: string; readonly listener: string; readonly clientAddress: string }
  /** Without sizes. */
  readonly requestBytes: number
  readonly responseBytes: number
  /** From its first byte being looked at until its answer is handed to the network. */
  readonly totalMs: number
  /** Thereof the event loop worked on it alone. */
  readonly threadMs: number
  readonly throttleMs: number
  /** As it was encoded; undefined: none was sent. */
  readonly body: object | undefined
}

export interface RequestObserver {
  answered(request: AnsweredRequest): void
}
