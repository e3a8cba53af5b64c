/** security: the SCRAM credentials of users, as the metadata log has them (KIP-554). Changed by replay alone. Messages are Kafka's. */
import { KafkaError } from '../../protocol/errors.ts'
import { removeUserScramCredentialRecord, userScramCredentialRecord } from '../../protocol/state/index.ts'
import { type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import { mapInTurns } from '../runtime/turns.ts'
import {
  keysOf,
  maxIterations,
  minIterations,
  type ScramCredential,
  type ScramMechanismName,
  scramHashes,
  scramMechanismNames,
} from './sasl/scram-formulas.ts'

interface Deletion {
  readonly name: string
  /** Kafka's number of the mechanism. */
  readonly mechanism: number
}

interface Upsertion extends Deletion {
  readonly iterations: number
  readonly salt: Buffer
  readonly saltedPassword: Buffer
}

export interface AlteredUser {
  readonly user: string
  /** Undefined where it was altered. */
  readonly error: KafkaError | undefined
}

export interface DescribedUser {
  readonly user: string
  readonly error: KafkaError | undefined
  readonly credentials: readonly { readonly mechanism: number; readonly iterations: number }[]
}

export class ScramCredentials {
  readonly #metadata: MetadataLog
  /** By mechanism's number, then user. */
  readonly #byMechanism = new Map<number, Map<string, ScramCredential>>()

  /** Before the log is loaded. */
  constructor(metadata: MetadataLog) {
    this.#metadata = metadata
    const register = metadata.image('scram', () => this.#records())
    register(userScramCredentialRecord, ({ name, mechanism, salt, storedKey, serverKey, iterations }) => {
      const credential = { salt: copy(salt), storedKey: copy(storedKey), serverKey: copy(serverKey), iterations }
      const users = this.#byMechanism.get(mechanism) ?? new Map<string, ScramCredential>()
      this.#byMechanism.set(mechanism, users.set(name, credential))
    })
    register(removeUserScramCredentialRecord, ({ name, mechanism }) => this.#byMechanism.get(mechanism)?.delete(name))
  }

  of(mechanism: ScramMechanismName, user: string): ScramCredential | undefined {
    return this.#byMechanism.get(scramHashes[mechanism].id)?.get(user)
  }

  /** One entry for each user that is named. A user is altered once in a request, or not at all. */
  alter(deletions: readonly Deletion[], upsertions: readonly Upsertion[]): Promise<AlteredUser[]> {
    return this.#metadata.run(async () => {
      const counts = new Map<string, number>()
      for (const { name } of [...deletions, ...upsertions]) counts.set(name, (counts.get(name) ?? 0) + 1)
      const records: MetadataRecord[] = []
      const results = new Map<string, KafkaError | undefined>()
      const decide = (name: string, decideOne: () => MetadataRecord): void => {
        try {
          if (counts.get(name)! > 1) throw duplicate('A user credential cannot be altered twice in the same request')
          records.push(decideOne())
          results.set(name, undefined)
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error
          results.set(name, error)
        }
      }
      await mapInTurns(deletions, (deletion) => decide(deletion.name, () => this.#remove(deletion)))
      await mapInTurns(upsertions, (upsertion) => decide(upsertion.name, () => upsert(upsertion)))
      return { records, response: [...results].map(([user, error]) => ({ user, error })) }
    })
  }

  /** Null or empty: all users. */
  describe(names: readonly string[] | null): Promise<DescribedUser[]> {
    const isAll = names === null || names.length === 0
    const users = isAll ? [...this.#byMechanism.values()].flatMap((each) => [...each.keys()]) : names
    const seen = new Set<string>()
    const twice = new Set<string>()
    for (const user of users) (seen.has(user) ? twice : seen).add(user)
    return mapInTurns([...seen], (user): DescribedUser => {
      const none = { user, credentials: [] }
      if (!isAll && twice.has(user)) {
        return {
          ...none,
          error: duplicate(`Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`),
        }
      }
      const credentials = [...this.#byMechanism].flatMap(([mechanism, credentialOf]) => {
        const iterations = credentialOf.get(user)?.iterations
        return iterations === undefined ? [] : [{ mechanism, iterations }]
      })
      if (credentials.length > 0) return { user, error: undefined, credentials }
      const message = `Attempt to describe a user credential that does not exist: ${user}`
      return { ...none, error: new KafkaError('RESOURCE_NOT_FOUND', message) }
    })
  }

  *#records(): Generator<MetadataRecord, void> {
    for (const [mechanism, users] of this.#byMechanism) {
      for (const [name, credential] of users) {
        yield metadataRecord(userScramCredentialRecord, 0, { name, mechanism, ...credential })
      }
    }
  }

  #remove({ name, mechanism }: Deletion): MetadataRecord {
    requireUserAndMechanism(name, mechanism)
    if (this.#byMechanism.get(mechanism)?.has(name) !== true) {
      throw new KafkaError('RESOURCE_NOT_FOUND', 'Attempt to delete a user credential that does not exist')
    }
    return metadataRecord(removeUserScramCredentialRecord, 0, { name, mechanism })
  }
}

function upsert({ name, mechanism: id, iterations, salt, saltedPassword }: Upsertion): MetadataRecord {
  const mechanism = requireUserAndMechanism(name, id)
  if (iterations < minIterations) throw new KafkaError('UNACCEPTABLE_CREDENTIAL', 'Too few iterations')
  if (iterations > maxIterations) throw new KafkaError('UNACCEPTABLE_CREDENTIAL', 'Too many iterations')
  if (saltedPassword.length === 0) throw new KafkaError('UNACCEPTABLE_CREDENTIAL', 'Salted password must not be empty')
  const keys = keysOf(mechanism, saltedPassword)
  return metadataRecord(userScramCredentialRecord, 0, { name, mechanism: id, salt, iterations, ...keys })
}

function requireUserAndMechanism(name: string, id: number): ScramMechanismName {
  if (name === '') throw new KafkaError('UNACCEPTABLE_CREDENTIAL', 'Username must not be empty')
  const mechanism = scramMechanismNames.find((each) => scramHashes[each].id === id)
  if (mechanism === undefined) throw new KafkaError('UNSUPPORTED_SASL_MECHANISM', 'Unknown SCRAM mechanism')
  return mechanism
}

function duplicate(message: string): KafkaError {
  return new KafkaError('DUPLICATE_RESOURCE', message)
}

/** The record may be a view on much more. */
function copy(bytes: Buffer): Buffer {
  return Buffer.from(bytes)
}
