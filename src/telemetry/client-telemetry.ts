/**
 * telemetry: clients that are asked for their metrics, and what they push (KIP-714). The order of the checks, and what is an error, are
 * those of Kafka's ClientMetricsManager.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { codecs, crc32c, decompress } from '../../protocol/records/index.ts'
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Random, randomUuid } from '../runtime/random.ts'
import type { ClientMetrics } from './client-metrics.ts'
import { type SubscriptionConfigs, Subscriptions, type TelemetryClient, type WantedMetrics } from './subscriptions.ts'

export interface ClientTelemetryOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** telemetry.max.bytes */
  readonly maxBytes: number
  /** Clients that are remembered; Kafka's number unless told. */
  readonly maxInstances?: number
  /** The subscriptions that are set now. */
  subscriptions(): SubscriptionConfigs
  /** Takes what is pushed; without one it is checked and dropped. */
  readonly receiver: ClientMetrics | undefined
}

export interface TelemetrySubscription {
  readonly clientInstanceId: string
  readonly subscriptionId: number
  /** Kafka's ids, the one that clients should use first. */
  readonly acceptedCompressionTypes: readonly number[]
  readonly pushIntervalMs: number
  readonly telemetryMaxBytes: number
  readonly deltaTemporality: boolean
  readonly requestedMetrics: readonly string[]
}

export interface TelemetryPush {
  readonly clientInstanceId: string
  readonly subscriptionId: number
  readonly terminating: boolean
  readonly compressionType: number
  readonly metrics: Buffer
}

/** Who asks; the id comes with the request. */
export interface TelemetryPeer extends Omit<TelemetryClient, 'client_instance_id'> {
  readonly user: string
  /** Calls back when the connection ends. */
  onClose(listener: () => void): () => void
}

interface Instance extends WantedMetrics {
  readonly client: TelemetryClient
  readonly subscriptionId: number
  /** Of the subscriptions that it was made from. */
  readonly version: number
  lastGetMs: number
  lastPushMs: number
  isTerminating: boolean
  lastError: 'UNKNOWN_SUBSCRIPTION_ID' | 'UNSUPPORTED_COMPRESSION_TYPE' | 'other' | undefined
  cancelExpiry: Cancel
}

const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'
/** Ids that Kafka keeps for itself. */
const reserved: ReadonlySet<string> = new Set([zeroUuid, 'AAAAAAAAAAAAAAAAAAAAAQ'])
/** zstd, lz4, gzip, snappy */
const acceptedCompressionTypes = [4, 3, 1, 2]
/** Kafka's. */
const defaultMaxInstances = 16_384
const shortestExpiryMs = 60_000
/** telemetry.max.bytes is meant for what is compressed; metrics shrink to a tenth or so. */
const maxInflation = 10

export class ClientTelemetry {
  readonly #options: ClientTelemetryOptions
  /** Least recently used first. */
  readonly #instances = new Map<string, Instance>()
  #subscriptions = new Subscriptions([])
  #subscriptionText = '[]'
  #version = 0

  constructor(options: ClientTelemetryOptions) {
    this.#options = options
  }

  /** Somebody takes what clients push: they are told that they may. */
  get hasReceiver(): boolean {
    return this.#options.receiver !== undefined
  }

  get instanceCount(): number {
    return this.#instances.size
  }

  /** @param clientInstanceId the zero uuid asks for one @throws KafkaError THROTTLING_QUOTA_EXCEEDED before the next push is due */
  subscribe(clientInstanceId: string, peer: TelemetryPeer): TelemetrySubscription {
    const id = clientInstanceId === zeroUuid ? randomUuid(this.#options.random) : clientInstanceId
    const instance = this.#instanceOf(id, peer)
    const nowMs = this.#options.clock.now()
    const isDue = nowMs - Math.max(instance.lastGetMs, instance.lastPushMs) >= instance.pushIntervalMs
    if (isDue) instance.lastGetMs = nowMs
    else if (
      instance.lastError !== 'UNKNOWN_SUBSCRIPTION_ID' &&
      instance.lastError !== 'UNSUPPORTED_COMPRESSION_TYPE'
    ) {
      throw new KafkaError('THROTTLING_QUOTA_EXCEEDED')
    }
    instance.lastError = undefined
    return {
      clientInstanceId: id,
      subscriptionId: instance.subscriptionId,
      acceptedCompressionTypes,
      pushIntervalMs: instance.pushIntervalMs,
      telemetryMaxBytes: this.#options.maxBytes,
      deltaTemporality: true,
      requestedMetrics: instance.metrics,
    }
  }

  /**
   * @throws KafkaError INVALID_REQUEST, THROTTLING_QUOTA_EXCEEDED, UNKNOWN_SUBSCRIPTION_ID, UNSUPPORTED_COMPRESSION_TYPE,
   * TELEMETRY_TOO_LARGE, INVALID_RECORD for what is not OTLP
   */
  push(request: TelemetryPush, peer: TelemetryPeer): void {
    if (reserved.has(request.clientInstanceId)) throw new KafkaError('INVALID_REQUEST')
    const instance = this.#instanceOf(request.clientInstanceId, peer)
    try {
      this.#check(request, instance)
      if (request.metrics.length > 0) this.#take(request, instance, peer.user)
      instance.lastError = undefined
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      const { kafkaError } = error
      const isOwn = kafkaError === 'UNKNOWN_SUBSCRIPTION_ID' || kafkaError === 'UNSUPPORTED_COMPRESSION_TYPE'
      instance.lastError = isOwn ? kafkaError : 'other'
      throw error
    } finally {
      instance.isTerminating = request.terminating
    }
  }

  close(): void {
    for (const { cancelExpiry } of this.#instances.values()) cancelExpiry()
    this.#instances.clear()
  }

  #check(request: TelemetryPush, instance: Instance): void {
    if (instance.isTerminating) throw new KafkaError('INVALID_REQUEST')
    const nowMs = this.#options.clock.now()
    const isDue = instance.lastGetMs > instance.lastPushMs || nowMs - instance.lastPushMs >= instance.pushIntervalMs
    if (isDue) instance.lastPushMs = nowMs
    else if (!request.terminating) throw new KafkaError('THROTTLING_QUOTA_EXCEEDED')
    if (request.subscriptionId !== instance.subscriptionId) throw new KafkaError('UNKNOWN_SUBSCRIPTION_ID')
    if (codecs[request.compressionType] === undefined) throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE')
    if (request.metrics.length > this.#options.maxBytes) throw new KafkaError('TELEMETRY_TOO_LARGE')
  }

  #take({ metrics, compressionType }: TelemetryPush, { client }: Instance, user: string): void {
    const { receiver, maxBytes, logger } = this.#options
    if (receiver === undefined) return
    try {
      const bytes = decompress(codecs[compressionType]!, metrics, { maxBytes: maxBytes * maxInflation })
      receiver.record(client, user, bytes)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      logger.info({ clientInstanceId: client.client_instance_id, reason }, 'metrics of a client could not be read')
      const isTooLarge = error instanceof KafkaError && error.kafkaError === 'MESSAGE_TOO_LARGE'
      throw new KafkaError(isTooLarge ? 'TELEMETRY_TOO_LARGE' : 'INVALID_RECORD')
    }
  }

  /** What is known of a client; new where it is unknown, or the subscriptions have changed. */
  #instanceOf(id: string, peer: TelemetryPeer): Instance {
    this.#lookAtSubscriptions()
    let instance = this.#instances.get(id)
    if (instance !== undefined) {
      instance.cancelExpiry()
      this.#instances.delete(id)
    }
    if (instance === undefined || instance.version !== this.#version) {
      const client = instance?.client ?? clientOf(id, peer)
      if (instance === undefined) peer.onClose(() => this.#forget(id))
      instance = this.#made(client)
    }
    const expiryMs = Math.max(shortestExpiryMs, instance.pushIntervalMs * 3)
    instance.cancelExpiry = this.#options.clock.after(expiryMs, () => this.#forget(id))
    this.#instances.set(id, instance)
    const [oldest] = this.#instances.keys()
    if (this.#instances.size > (this.#options.maxInstances ?? defaultMaxInstances)) this.#forget(oldest!)
    return instance
  }

  #made(client: TelemetryClient): Instance {
    const wanted = this.#subscriptions.wantedOf(client)
    return {
      ...wanted,
      client,
      subscriptionId: subscriptionId(wanted, client.client_instance_id),
      version: this.#version,
      lastGetMs: 0,
      lastPushMs: 0,
      isTerminating: false,
      lastError: undefined,
      cancelExpiry: () => {},
    }
  }

  #forget(id: string): void {
    this.#instances.get(id)?.cancelExpiry()
    this.#instances.delete(id)
    this.#options.receiver?.forget(id)
  }

  #lookAtSubscriptions(): void {
    const configs = [...this.#options.subscriptions()]
    const text = JSON.stringify(configs.map(([name, values]) => [name, ...values]))
    if (text === this.#subscriptionText) return
    this.#subscriptionText = text
    this.#subscriptions = new Subscriptions(configs)
    this.#version += 1
  }
}

function clientOf(client_instance_id: string, peer: TelemetryPeer): TelemetryClient {
  const { client_id, client_software_name, client_software_version, client_source_address, client_source_port } = peer
  return {
    client_instance_id,
    client_id,
    client_software_name,
    client_software_version,
    client_source_address,
    client_source_port,
  }
}

/** Another one for other metrics, another interval or another client (KIP-714). */
function subscriptionId({ metrics, pushIntervalMs }: WantedMetrics, clientInstanceId: string): number {
  const id = Buffer.from(clientInstanceId, 'base64url')
  let hash = crc32c(Buffer.from(`[${metrics.join(', ')}]${pushIntervalMs}`))
  for (let at = 0; at < 16; at += 4) hash ^= id.readInt32BE(at)
  return hash | 0
}
