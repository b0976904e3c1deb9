# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which elements each part of a DTE may have, in the order of the SII's schema."""

_PARTS = {
    "Documento": (
        "Encabezado Detalle SubTotInfo DscRcgGlobal Referencia Comisiones TED TmstFirma"
    ),
    "Encabezado": (
        "IdDoc Emisor RUTMandante Receptor RUTSolicita Transporte Totales OtraMoneda"
    ),
    "IdDoc": (
        "TipoDTE Folio FchEmis IndNoRebaja TipoDespacho IndTraslado TpoImpresion "
        "IndServicio MntBruto TpoTranCompra TpoTranVenta FmaPago FmaPagExp FchCancel "
        "MntCancel SaldoInsol MntPagos PeriodoDesde PeriodoHasta MedioPago TpoCtaPago "
        "NumCtaPago BcoPago TermPagoCdg TermPagoGlosa TermPagoDias FchVenc"
    ),
    "MntPagos": "FchPago MntPago GlosaPagos",
    "Emisor": (
        "RUTEmisor RznSoc GiroEmis Telefono CorreoEmisor Acteco GuiaExport Sucursal "
        "CdgSIISucur DirOrigen CmnaOrigen CiudadOrigen CdgVendedor IdAdicEmisor"
    ),
    "GuiaExport": "CdgTraslado FolioAut FchAut",
    "Receptor": (
        "RUTRecep CdgIntRecep RznSocRecep Extranjero GiroRecep Contacto CorreoRecep "
        "DirRecep CmnaRecep CiudadRecep DirPostal CmnaPostal CiudadPostal"
    ),
    "Extranjero": "NumId Nacionalidad",
    "Transporte": "Patente RUTTrans Chofer DirDest CmnaDest CiudadDest Aduana",
    "Chofer": "RUTChofer NombreChofer",
    "Aduana": (
        "CodModVenta CodClauVenta TotClauVenta CodViaTransp NombreTransp RUTCiaTransp "
        "NomCiaTransp IdAdicTransp Booking Operador CodPtoEmbarque IdAdicPtoEmb "
        "CodPtoDesemb IdAdicPtoDesemb Tara CodUnidMedTara PesoBruto CodUnidPesoBruto "
        "PesoNeto CodUnidPesoNeto TotItems TotBultos TipoBultos MntFlete MntSeguro "
        "CodPaisRecep CodPaisDestin"
    ),
    "TipoBultos": "CodTpoBultos CantBultos Marcas IdContainer Sello EmisorSello",
    "Totales": (
        "MntNeto MntExe MntBase MntMargenCom TasaIVA IVA IVAProp IVATerc ImptoReten "
        "IVANoRet CredEC GrntDep Comisiones MntTotal MontoNF MontoPeriodo "
        "SaldoAnterior VlrPagar"
    ),
    "ImptoReten": "TipoImp TasaImp MontoImp",
    "Comisiones": (
        "NroLinCom TipoMovim Glosa TasaComision ValComNeto ValComExe ValComIVA"
    ),
    "OtraMoneda": (
        "TpoMoneda TpoCambio MntNetoOtrMnda MntExeOtrMnda MntFaeCarneOtrMnda "
        "MntMargComOtrMnda IVAOtrMnda ImpRetOtrMnda IVANoRetOtrMnda MntTotOtrMnda"
    ),
    "ImpRetOtrMnda": "TipoImpOtrMnda TasaImpOtrMnda VlrImpOtrMnda",
    "Detalle": (
        "NroLinDet CdgItem IndExe Retenedor NmbItem DscItem QtyRef UnmdRef PrcRef "
        "QtyItem Subcantidad FchElabor FchVencim UnmdItem PrcItem OtrMnda "
        "DescuentoPct DescuentoMonto SubDscto RecargoPct RecargoMonto SubRecargo "
        "CodImpAdic MontoItem"
    ),
    "CdgItem": "TpoCodigo VlrCodigo",
    "Retenedor": "IndAgente MntBaseFaena MntMargComer PrcConsFinal",
    "Subcantidad": "SubQty SubCod",
    "OtrMnda": ("PrcOtrMon Moneda FctConv DctoOtrMnda RecargoOtrMnda MontoItemOtrMnda"),
    "SubDscto": "TipoDscto ValorDscto",
    "SubRecargo": "TipoRecargo ValorRecargo",
    "SubTotInfo": (
        "NroSTI GlosaSTI OrdenSTI SubTotNetoSTI SubTotIVASTI SubTotAdicSTI "
        "SubTotExeSTI ValSubtotSTI LineasDeta"
    ),
    "DscRcgGlobal": (
        "NroLinDR TpoMov GlosaDR TpoValor ValorDR ValorDROtrMnda IndExeDR"
    ),
    "Referencia": (
        "NroLinRef TpoDocRef IndGlobal FolioRef RUTOtr FchRef CodRef RazonRef"
    ),
}
ORDER = {part: tuple(names.split()) for part, names in _PARTS.items()}
