/** What the pages share: the query client, who is logged in, what they may do. */

import { QueryClient, useQuery } from '@tanstack/react-query'

import * as api from '../api/client'
import type { Liveness } from '../api/live'
import { asProblem } from '../api/problem'
import type { Me, Session } from '../api/types'
import { store } from './store'

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // a refusal stays a refusal; a network that is away may come back
      retry: (count, error) => asProblem(error).passing && count < 2,
    },
  },
})

export const liveness = store<Liveness>('connecting')

export const useMe = () => useQuery({ queryKey: ['me'], queryFn: api.me, staleTime: 60_000 })

export const may = (me: Me | undefined, action: string, session?: Session): boolean => {
  const extent = me?.permissions[action]
  return extent === 'any' || (extent === 'own' && (session === undefined || session.login === me?.login.sub))
}

export const mayAny = (me: Me | undefined, action: string): boolean => me?.permissions[action] === 'any'

export const useSessions = (all = false) =>
  useQuery({
    queryKey: ['sessions', all ? 'all' : 'own'],
    queryFn: () => api.sessions(all),
    staleTime: 60_000,
    refetchInterval: 120_000, // events keep it true; this is for the one that got lost
  })

export const useSession = (id: string) =>
  useQuery({ queryKey: ['session', id], queryFn: () => api.session(id), staleTime: 30_000 })
