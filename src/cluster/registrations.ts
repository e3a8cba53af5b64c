/** cluster: the brokers that the metadata log knows: where they listen, and whether they serve. Changed by replay alone. */
import type { DecodedOf } from '../../protocol/schema/index.ts'
import {
  brokerRegistrationChangeRecord,
  fenceBrokerRecord,
  registerBrokerRecord,
  unfenceBrokerRecord,
  unregisterBrokerRecord,
} from '../../protocol/state/index.ts'
import { type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import type { Features } from './features.ts'

export interface Endpoint {
  /** Of the listener, upper case: `PLAINTEXT`. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
  readonly securityProtocol: number
}

/** Where a broker listens, as clients are told. */
export interface Node {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  readonly isFenced: boolean
}

export interface Registration {
  readonly id: number
  /** The offset of the record that registered it. */
  readonly epoch: number
  readonly incarnationId: string
  readonly endpoints: readonly Endpoint[]
  readonly rack: string | null
  readonly isFenced: boolean
  readonly inControlledShutdown: boolean
  readonly directories: readonly string[]
  /** Null: the broker did not say. */
  readonly cordonedDirectories: readonly string[] | null
  readonly features: readonly {
    readonly name: string
    readonly minSupportedVersion: number
    readonly maxSupportedVersion: number
  }[]
  readonly isMigratingZkBroker: boolean
}

type ChangeRecord = DecodedOf<typeof brokerRegistrationChangeRecord>

export class Registrations {
  readonly #byId = new Map<number, Registration>()

  constructor(metadata: MetadataLog, features: Features) {
    const register = metadata.image('cluster', () => this.#records(features.registerBrokerRecordVersion))
    register(registerBrokerRecord, (record) =>
      this.#byId.set(record.brokerId, {
        id: record.brokerId,
        epoch: record.brokerEpoch,
        incarnationId: record.incarnationId,
        endpoints: record.endPoints,
        rack: record.rack,
        isFenced: record.fenced,
        inControlledShutdown: record.inControlledShutdown,
        directories: record.logDirs,
        cordonedDirectories: record.cordonedLogDirs,
        features: record.features,
        isMigratingZkBroker: record.isMigratingZkBroker,
      }),
    )
    register(unregisterBrokerRecord, ({ brokerId }) => this.#byId.delete(brokerId))
    register(fenceBrokerRecord, ({ id }) => this.#change(id, { isFenced: true }))
    register(unfenceBrokerRecord, ({ id }) => this.#change(id, { isFenced: false }))
    register(brokerRegistrationChangeRecord, (record) => this.#change(record.brokerId, changesOf(record)))
  }

  get(id: number): Registration | undefined {
    return this.#byId.get(id)
  }

  /** The broker is registered as it runs: nobody has unregistered it since. */
  has({ id, epoch }: { readonly id: number; readonly epoch: number }): boolean {
    return this.#byId.get(id)?.epoch === epoch
  }

  /** By id, ascending. */
  values(): Registration[] {
    return [...this.#byId.values()].sort((one, other) => one.id - other.id)
  }

  /** Registered and not fenced. */
  isAlive(id: number): boolean {
    return this.#byId.get(id)?.isFenced === false
  }

  /** What clients are told is the controller: a broker that is alive, -1 if none is. */
  get controllerId(): number {
    return this.values().find(({ isFenced }) => !isFenced)?.id ?? -1
  }

  /** The brokers that have `listener`, by id; fenced ones when asked for. */
  nodes(listener: string, options: { includeFenced?: boolean }): Node[] {
    const nodes: Node[] = []
    for (const { id, endpoints, rack, isFenced } of this.values()) {
      if (isFenced && options.includeFenced !== true) continue
      const endpoint = endpoints.find(({ name }) => name === listener)
      if (endpoint !== undefined) nodes.push({ nodeId: id, host: endpoint.host, port: endpoint.port, rack, isFenced })
    }
    return nodes
  }

  *#records(version: number): Generator<MetadataRecord, void> {
    for (const registration of this.#byId.values()) {
      yield metadataRecord(registerBrokerRecord, version, {
        brokerId: registration.id,
        isMigratingZkBroker: registration.isMigratingZkBroker,
        incarnationId: registration.incarnationId,
        brokerEpoch: registration.epoch,
        endPoints: registration.endpoints.map((endpoint) => ({ ...endpoint })),
        features: registration.features.map((feature) => ({ ...feature })),
        rack: registration.rack,
        fenced: registration.isFenced,
        inControlledShutdown: registration.inControlledShutdown,
        logDirs: registration.directories,
        cordonedLogDirs: registration.cordonedDirectories,
      })
    }
  }

  #change(id: number, changes: Partial<Registration>): void {
    const registration = this.#byId.get(id)
    if (registration === undefined) throw new Error(`the metadata log changes broker ${id} that is not registered`)
    this.#byId.set(id, { ...registration, ...changes })
  }
}

/** 0 stands for no change; fenced -1: not any more. */
function changesOf({ fenced, inControlledShutdown, logDirs, cordonedLogDirs }: ChangeRecord): Partial<Registration> {
  return {
    ...(fenced === 0 ? {} : { isFenced: fenced > 0 }),
    ...(inControlledShutdown === 0 ? {} : { inControlledShutdown: inControlledShutdown > 0 }),
    ...(logDirs.length === 0 ? {} : { directories: logDirs }),
    ...(cordonedLogDirs === null ? {} : { cordonedDirectories: cordonedLogDirs }),
  }
}
