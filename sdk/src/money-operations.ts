import type { Requester } from './requester.ts'
import type {
  AddAsset,
  Asset,
  AssetList,
  AuthorisationPage,
  AuthorisationRelease,
  Limit,
  LimitList,
  LimitRemoval,
  LimitSet,
  QuoteList,
  QuoteSet,
  ReleaseAuthorisation,
  RemoveLimit,
  SetLimit,
  SetQuote,
} from './wire/money.ts'

const at = (name: string) => `/v1/limits/${encodeURIComponent(name)}`

/** Limits on the money that tools move. */
export function moneyOperations({ get, post }: Pick<Requester, 'get' | 'post'>) {
  return {
    listLimits: (query: { ledgers?: number } = {}) => get<LimitList>('/v1/limits', query),
    getLimit: (name: string, query: { ledgers?: number } = {}) => get<Limit>(at(name), query),
    /** Sets the limit, or proposes the change where it lets more money out. */
    setLimit: (name: string, body: SetLimit) => post<LimitSet>(at(name), body),
    /** Proposes that the limit ends. */
    removeLimit: (name: string, body: RemoveLimit) =>
      post<LimitRemoval>(`${at(name)}/remove`, body),
    listAssets: () => get<AssetList>('/v1/assets'),
    addAsset: (body: AddAsset) => post<Asset>('/v1/assets', body),
    listQuotes: () => get<QuoteList>('/v1/quotes'),
    /** Sets the quote, or proposes it where money counts for less by it. */
    setQuote: (body: SetQuote) => post<QuoteSet>('/v1/quotes', body),
    listAuthorisations: (query: { after?: string; limit?: number } = {}) =>
      get<AuthorisationPage>('/v1/authorisations', query),
    /** Proposes that what the call has set aside counts as open no more. */
    releaseAuthorisation: (callId: string, body: ReleaseAuthorisation) =>
      post<AuthorisationRelease>(`/v1/authorisations/${encodeURIComponent(callId)}/release`, body),
  }
}
