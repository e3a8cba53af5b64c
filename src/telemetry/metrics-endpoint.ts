/** telemetry: the port of its own where Prometheus looks: `/metrics`, and `/health` for who only wants to know whether it runs. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'
import type { Logger } from '../runtime/logger.ts'
import { type MetricSources, registerBrokerGauges, registerTopicTraffic } from './broker-gauges.ts'
import { ClientMetrics } from './client-metrics.ts'
import { RequestMetrics } from './request-metrics.ts'
import { TopicTraffic } from './topic-traffic.ts'

type PromClient = typeof import('prom-client')

export interface MetricsOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly logger: Logger
}

/** Enough for several who look; others are turned away. */
const maxConnections = 64
const requestTimeoutMs = 10_000

export class MetricsEndpoint {
  readonly traffic = new TopicTraffic()
  readonly clientMetrics = new ClientMetrics()
  readonly requests: RequestMetrics
  readonly #prom: PromClient
  readonly #registry: Registry
  readonly #server: Server
  readonly #options: MetricsOptions
  #isHealthy: () => boolean = () => false

  /** Binds; prom-client is loaded only here. @throws Error with one readable line when the port is taken */
  static async open(options: MetricsOptions): Promise<MetricsEndpoint> {
    const { default: prom } = await import('prom-client')
    const endpoint = new MetricsEndpoint(prom, options)
    await endpoint.#listen()
    return endpoint
  }

  private constructor(prom: PromClient, options: MetricsOptions) {
    this.#prom = prom
    this.#options = options
    this.#registry = new prom.Registry()
    prom.collectDefaultMetrics({ register: this.#registry })
    registerTopicTraffic(prom, this.#registry, this.traffic)
    this.requests = new RequestMetrics(prom, this.#registry)
    this.#server = createServer(
      { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
      (request, answer) => {
        void this.#serve(request, answer)
      },
    )
    this.#server.maxConnections = maxConnections
  }

  /** `http://127.0.0.1:9404` */
  get url(): string {
    const { host } = this.#options
    const { port } = this.#server.address() as AddressInfo
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  /** From here on it tells of a broker. */
  start(sources: MetricSources): void {
    registerBrokerGauges(this.#prom, this.#registry, sources)
    this.#isHealthy = () => sources.isRunning
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const problem = cause.code === 'EADDRINUSE' ? 'Address already in use.' : cause.message
        reject(new Error(`The metrics endpoint failed to bind to ${host}:${port}: ${problem}`, { cause }))
      })
      this.#server.listen({ host, port }, () => resolve())
    })
  }

  async #serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const tell = (status: number, type: string, text: string): void => {
      answer.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? undefined : text)
    }
    const path = request.url?.split('?')[0]
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') tell(405, 'text/plain', 'GET only\n')
      else if (path === '/health') {
        const isHealthy = this.#isHealthy()
        tell(isHealthy ? 200 : 503, 'application/json', `{"status":"${isHealthy ? 'ok' : 'not running'}"}\n`)
      } else if (path === '/metrics') {
        tell(200, this.#registry.contentType, `${await this.#registry.metrics()}${await this.#clientText()}`)
      } else tell(404, 'text/plain', '/metrics or /health\n')
    } catch (error) {
      this.#options.logger.error({ error }, 'metrics could not be told')
      if (!answer.headersSent) tell(500, 'text/plain', 'the metrics could not be told\n')
    }
  }

  /** Names and labels are the clients', so each look makes what it shows. */
  async #clientText(): Promise<string> {
    const { Registry, Gauge, Counter } = this.#prom
    const registry = new Registry()
    const help = 'Pushed by a client (KIP-714).'
    for (const [name, all] of this.clientMetrics.byName()) {
      const { type } = all[0]!
      const labelNames = [...new Set(all.flatMap(({ labels }) => Object.keys(labels)))]
      if (type === 'gauge') {
        const gauge = new Gauge({ name, help, labelNames, registers: [registry] })
        for (const { labels, value } of all) gauge.set(labels, value)
      } else {
        const counter = new Counter({ name, help, labelNames, registers: [registry] })
        for (const { labels, value } of all) counter.inc(labels, Math.max(0, value))
      }
    }
    return registry.metrics()
  }
}
