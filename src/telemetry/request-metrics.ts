/** telemetry: requests by API, as Kafka's RequestMetrics counts them: how many of each version, their errors, times and sizes. */
import type { Counter, Registry, Summary } from 'prom-client'
import { errorByCode } from '../../protocol/errors.ts'

type PromClient = typeof import('prom-client')

/** A request as the server tells of it. */
interface CountedRequest {
  readonly api: string
  readonly apiVersion: number
  readonly requestBytes: number
  readonly responseBytes: number
  readonly totalMs: number
  readonly threadMs: number
  readonly throttleMs: number
  readonly body: object | undefined
}

/** Kafka's percentiles. */
const percentiles = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999]
/** They are of the last minutes, not of all time. */
const window = { maxAgeSeconds: 300, ageBuckets: 5 }

export class RequestMetrics {
  readonly #requests: Counter<'request' | 'version'>
  readonly #errors: Counter<'request' | 'error'>
  readonly #times: readonly (readonly [Summary<'request'>, (request: CountedRequest) => number])[]

  constructor({ Counter, Summary }: PromClient, registry: Registry) {
    const registers = [registry]
    this.#requests = new Counter({
      name: 'kafka_network_requestmetrics_requests_total',
      help: 'Requests that were answered, by API and version.',
      labelNames: ['request', 'version'],
      registers,
    })
    this.#errors = new Counter({
      name: 'kafka_network_requestmetrics_errors_total',
      help: 'Errors in answers, wherever they stand in them; NONE where there is none at all.',
      labelNames: ['request', 'error'],
      registers,
    })
    const summary = (name: string, help: string, read: (request: CountedRequest) => number) =>
      [
        new Summary({
          name: `kafka_network_requestmetrics_${name}`,
          help,
          labelNames: ['request'],
          percentiles,
          ...window,
          registers,
        }),
        read,
      ] as const
    this.#times = [
      summary('totaltimems', 'Milliseconds from the request to its answer.', ({ totalMs }) => totalMs),
      summary('localtimems', 'Milliseconds in which the event loop worked on it alone.', ({ threadMs }) => threadMs),
      summary('throttletimems', 'Milliseconds for which its connection was throttled.', ({ throttleMs }) => throttleMs),
      summary('requestbytes', 'Bytes of the request.', ({ requestBytes }) => requestBytes),
      summary('responsebytes', 'Bytes of the answer.', ({ responseBytes }) => responseBytes),
    ]
  }

  answered(request: CountedRequest): void {
    const { api, apiVersion, body } = request
    this.#requests.inc({ request: api, version: apiVersion })
    for (const [summary, read] of this.#times) summary.observe({ request: api }, read(request))
    const errors = new Map<number, number>()
    if (body !== undefined) countErrors(body, errors)
    if (errors.size === 0) errors.set(0, 1)
    for (const [code, count] of errors) this.#errors.inc({ request: api, error: errorByCode(code).name }, count)
  }
}

/** Kafka counts each error of an answer; one that says that all is well counts only where there is no other. */
function countErrors(value: object, errors: Map<number, number>): void {
  for (const [name, each] of Object.entries(value)) {
    if (name === 'errorCode' && typeof each === 'number') {
      if (each !== 0) errors.set(each, (errors.get(each) ?? 0) + 1)
    } else if (name !== 'records' && typeof each === 'object' && each !== null && !Buffer.isBuffer(each)) {
      countErrors(each, errors)
    }
  }
}
