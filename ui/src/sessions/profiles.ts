/** The profiles that a start can have, and the largest screen that each allows. */

import { useQuery } from '@tanstack/react-query'

import * as api from '../api/client'
import type { Profile } from '../api/types'
import { queries } from '../app/place'

const ALL = ['profiles']

export const useProfiles = () =>
  useQuery({ queryKey: ALL, queryFn: async () => (await api.profiles()).profiles, staleTime: 300_000 })

/** As it was last heard of; empty where there is no limit. */
export const largestOf = (profile: string): string =>
  queries.getQueryData<Profile[]>(ALL)?.find((one) => one.name === profile)?.maximumGeometry ?? ''
