/** protocol/state: a principal as brokers hand it on to the controller. Source: Kafka 4.3.1's definitions. */
import { bool, string } from '../schema/index.ts'
import { stored } from './stored.ts'

export const defaultPrincipalData = stored('DefaultPrincipalData', {
  versions: '0',
  flexible: '0+',
  fields: { type: string(), name: string(), tokenAuthenticated: bool() },
})
